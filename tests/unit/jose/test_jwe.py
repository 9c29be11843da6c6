"""jwe.encrypt and jwe.decrypt: every algorithm, keys and policies, and a sender that refuses what a receiver would."""

import json
import os
from typing import Any

import pytest
import rich.pretty

from daypass import jwe, jws
from daypass.encoding import b64url_decode
from daypass.errors import (
    ConfigurationError,
    DecryptionFailed,
    KeyFormatError,
    MalformedToken,
    TokenTooLarge,
    UnknownKey,
    UnsupportedToken,
    WeakKey,
)
from daypass.jose.jwa.key_management import KEY_MANAGEMENT_ALGORITHMS
from daypass.jose.jwe_message import deflate, inflate
from daypass.jose.jwk import JWK
from daypass.jose.jwk_set import JWKSet
from daypass.limits import (
    HEADERS_REMEMBERED_MAX,
    INFLATED_BYTES_FREE,
    INFLATED_RATIO_MAX,
    PBES2_COUNT_DEFAULT,
    PBES2_COUNT_MAX,
    PBES2_SALT_BYTES,
    PLAINTEXT_BYTES_MAX,
    TOKEN_BYTES_MAX,
)
from tests.encryption import ENCS, EVERYTHING, KINDS, cheap, fresh, half, key_for, named, words_for

ZIP = {"zip": "DEF"}
KEY = JWK.from_secret(bytes(range(32)), alg="A256GCM", kid="direct")
WRAP = JWK.from_secret(bytes(range(32)), alg="A256KW", kid="wrap")
EACH = pytest.mark.parametrize("alg, crv", KINDS, ids=[named(*kind) for kind in KINDS])


def header_of(token: str) -> dict[str, Any]:
    return json.loads(b64url_decode(token.partition(".")[0].encode()))


# ------------------------------------------------------------------------------------------------ round trips


@pytest.mark.parametrize("enc", ENCS)
@EACH
def test_every_algorithm_with_every_encryption(alg: str, crv: str | None, enc: str) -> None:
    key = key_for(alg, crv, enc)
    for plaintext in (b"", b"x", bytes(range(256)) * 5):
        token = jwe.encrypt(plaintext, half(key), enc=enc, header=cheap(alg))
        for _ in range(2):  # the second time a header of dir is known
            decrypted = jwe.decrypt(token, key, **words_for(alg))
            assert decrypted.plaintext == plaintext
            assert decrypted.header == header_of(token)
            assert decrypted.key is key
            assert (decrypted.unprotected, decrypted.aad, decrypted.recipient) == ({}, b"", 0)
    members = {"alg": alg, "enc": enc, "kid": key.kid}
    assert members.items() <= decrypted.header.items()
    assert decrypted.header.keys() - members.keys() == set(KEY_MANAGEMENT_ALGORITHMS[alg].needs)
    segments = token.split(".")
    assert len(segments) == 5
    assert bool(segments[1]) is not KEY_MANAGEMENT_ALGORITHMS[alg].is_direct


@pytest.mark.parametrize("enc", ENCS)
@pytest.mark.parametrize("key", [None, WRAP], ids=["dir", "A256KW"])
def test_the_longest_plaintext(key: JWK | None, enc: str) -> None:
    key = key or key_for("dir", None, enc)
    overhead = len(jwe.encrypt(b"", key, enc=enc))
    size = (TOKEN_BYTES_MAX - overhead) // 4 * 3 - 32
    token = jwe.encrypt(os.urandom(size), key, enc=enc)
    assert TOKEN_BYTES_MAX - 80 < len(token) <= TOKEN_BYTES_MAX
    for _ in range(2):
        assert len(jwe.decrypt(token, key).plaintext) == size
    with pytest.raises(ValueError, match="longer"):
        jwe.encrypt(bytes(size + 80), key, enc=enc)


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_a_plaintext_is_anything_that_is_bytes(kind: Any) -> None:
    for key in (KEY, WRAP):
        token = jwe.encrypt(kind(b"octets"), key, enc="A256GCM")
        plaintext = jwe.decrypt(token, key).plaintext
        assert plaintext == b"octets"
        assert type(plaintext) is bytes


def test_a_token_is_never_made_twice_alike() -> None:
    assert len({jwe.encrypt(b"x", KEY, enc="A256GCM") for _ in range(100)}) == 100
    ivs = [jwe.encrypt(b"x", WRAP, enc="A128CBC-HS256").split(".")[2] for _ in range(100)]
    assert len(set(ivs)) == 100


def test_a_result_shows_neither_plaintext_nor_key() -> None:
    header = {"sub": "planted subject"}
    opened = jwe.decrypt(jwe.encrypt(b"planted secret", KEY, enc="A256GCM", header=header), KEY)
    signer = JWK.generate("HS256")
    verified = jws.verify(jws.sign(b"planted secret", signer, header=header), signer)
    for result in (opened, verified):
        for shown in (repr(result), str(result), rich.pretty.pretty_repr(result), f"{[result]}"):
            assert "planted" not in shown
            assert "sub" in shown or "bytes" in shown
            assert "redacted" in shown
    assert "AAECAwQ" not in repr(opened)
    assert "14 bytes" in repr(opened)


# ------------------------------------------------------------------------------------------- header parameters


@pytest.mark.parametrize("alg, crv", [kind for kind in KINDS if kind[0].startswith("ECDH")])
def test_parties_of_an_agreement(alg: str, crv: str) -> None:
    key = key_for(alg, crv)
    token = jwe.encrypt(b"x", half(key), enc="A128GCM", header={"apu": "QWxpY2U", "apv": "Qm9i"})
    assert jwe.decrypt(token, key).header.items() >= {"apu": "QWxpY2U", "apv": "Qm9i"}.items()
    epk = header_of(token)["epk"]
    assert set(epk) == ({"kty", "crv", "x", "y"} if crv.startswith("P-") else {"kty", "crv", "x"})
    assert (epk["kty"], epk["crv"]) == (key.kty, key.crv)


def test_iterations_of_a_password() -> None:
    key = key_for("PBES2-HS256+A128KW")
    token = jwe.encrypt(b"x", key, enc="A128GCM")
    header = header_of(token)
    assert header["p2c"] == PBES2_COUNT_DEFAULT
    assert len(b64url_decode(header["p2s"].encode())) == PBES2_SALT_BYTES
    assert jwe.decrypt(token, key, allow_pbes2=True).plaintext == b"x"
    assert header_of(jwe.encrypt(b"x", key, enc="A128GCM", header={"p2c": 1234}))["p2c"] == 1234


def test_a_password_may_be_one_octet() -> None:
    key = JWK.from_secret(b"x", alg="PBES2-HS512+A256KW")
    token = jwe.encrypt(b"octets", key, enc="A256GCM", header={"p2c": 1000})
    assert jwe.decrypt(token, key, allow_pbes2=True).plaintext == b"octets"


def test_further_parameters_are_protected_and_returned() -> None:
    more = {"cty": "text/plain", "typ": "JOSE", "x": [1, {"y": None}], "\u00e9": "\u6c34"}
    for key in (KEY, WRAP):
        token = jwe.encrypt(b"x", key, enc="A256GCM", header=more)
        for _ in range(3):
            assert jwe.decrypt(token, key).header == {"alg": key_alg(key), "enc": "A256GCM", "kid": key.kid, **more}


def key_alg(key: JWK) -> str:
    return "dir" if key is KEY else str(key.alg)


def test_a_header_may_repeat_what_key_and_enc_say() -> None:
    same = {"kid": "direct", "enc": "A256GCM", "alg": "dir"}
    assert header_of(jwe.encrypt(b"x", KEY, enc="A256GCM", header=same)) == same
    unnamed = JWK.from_secret(bytes(32), alg="A256KW")
    assert header_of(jwe.encrypt(b"x", unnamed, enc="A256GCM", header={"kid": "mine"}))["kid"] == "mine"


# ------------------------------------------------------------------------------------------------ compression


@pytest.mark.parametrize("enc", ENCS)
def test_a_compressed_plaintext(enc: str) -> None:
    key = key_for("dir", None, enc)
    for plaintext in (b"", b"x", b"abc" * 1000, bytes(INFLATED_BYTES_FREE), os.urandom(PLAINTEXT_BYTES_MAX)):
        token = jwe.encrypt(plaintext, key, enc=enc, header=ZIP)
        for _ in range(2):
            assert jwe.decrypt(token, key, allow_zip=True).plaintext == plaintext
        with pytest.raises(UnsupportedToken) as raised:
            jwe.decrypt(token, key)
        assert raised.value.kind == "zip"
    assert len(jwe.encrypt(b"abc" * 1000, key, enc=enc, header=ZIP)) < 300


@pytest.mark.parametrize("size", [PLAINTEXT_BYTES_MAX + 1, INFLATED_BYTES_FREE + 1, 10**6])
def test_a_sender_compresses_what_a_receiver_inflates(size: int) -> None:
    dense = bytes(size)
    for key in (KEY, WRAP):
        with pytest.raises(ValueError, match="leave zip out"):
            jwe.encrypt(dense, key, enc="A256GCM", header=ZIP)
    if size > PLAINTEXT_BYTES_MAX:
        with pytest.raises(ValueError, match="leave zip out"):
            jwe.encrypt(os.urandom(size), KEY, enc="A256GCM", header=ZIP)


@pytest.mark.parametrize("size", [0, 1, 255, 4095, 16383, 16384, 16385, 50_000, PLAINTEXT_BYTES_MAX])
def test_inflating_ends_where_the_stream_does(size: int) -> None:
    for plaintext in (os.urandom(size), bytes(range(256)) * (size // 512) + os.urandom(size - 256 * (size // 512))):
        packed = deflate(plaintext)
        assert inflate(packed) == plaintext
        for bad in (packed[:-1], packed[: len(packed) // 2], packed + b"\0", packed + packed, b"\xff" + packed):
            with pytest.raises((DecryptionFailed, TokenTooLarge)):
                inflate(bad)


def test_json_that_somebody_writes_is_not_too_dense() -> None:
    rows = [{"id": n, "name": f"user {n}", "roles": ["reader", "writer"], "active": True} for n in range(2500)]
    plaintext = json.dumps(rows).encode()
    assert INFLATED_BYTES_FREE < len(plaintext) < PLAINTEXT_BYTES_MAX
    assert len(plaintext) / len(deflate(plaintext)) < INFLATED_RATIO_MAX / 3


# ---------------------------------------------------------------------------------------------- keys, policies


def test_a_set_is_asked_for_the_kid() -> None:
    keys = [JWK.from_secret(os.urandom(32), alg="A256KW", kid=kid) for kid in "abc"]
    for key in keys:
        token = jwe.encrypt(b"x", key, enc="A256GCM")
        for those in (keys, tuple(keys), JWKSet(keys)):
            assert jwe.decrypt(token, those).key is key
        with pytest.raises(UnknownKey):
            jwe.decrypt(token, [it for it in keys if it is not key])
    # with one key the caller has named it: its kid is not compared
    renamed = JWK.from_secret(keys[0].raw.private, alg="A256KW", kid="z")
    assert jwe.decrypt(jwe.encrypt(b"x", keys[0], enc="A256GCM"), renamed).plaintext == b"x"
    with pytest.raises(DecryptionFailed):
        jwe.decrypt(jwe.encrypt(b"x", keys[0], enc="A256GCM"), keys[1])


def test_a_token_without_kid_needs_one_eligible_key() -> None:
    secret = os.urandom(32)
    token = jwe.encrypt(b"x", JWK.from_secret(secret, alg="A256KW"), enc="A256GCM")
    mine = JWK.from_secret(secret, alg="A256KW", kid="mine")
    others = [KEY, JWK.from_secret(bytes(32), alg="HS256"), JWK.generate("ECDH-ES"), JWK.generate("ES256")]
    assert jwe.decrypt(token, [mine, *others]).key is mine
    with pytest.raises(UnknownKey):
        jwe.decrypt(token, [mine, WRAP])
    with pytest.raises(UnsupportedToken):
        jwe.decrypt(token, others)


def test_members_of_a_set_that_are_for_somebody_else_are_passed_over() -> None:
    token = jwe.encrypt(b"x", WRAP, enc="A256GCM")
    signing = JWK.from_dict({**WRAP.to_dict(private=True), "alg": "HS256", "kid": "s", "use": "sig"})
    public = JWK.generate("RSA-OAEP", kid="p").public()
    assert jwe.decrypt(token, [signing, public, WRAP]).key is WRAP
    with pytest.raises(ConfigurationError):
        jwe.decrypt(token, [signing, public])


@pytest.mark.parametrize("word", ["algs", "encs"])
def test_an_allowlist_is_a_collection_of_names(word: str) -> None:
    token = jwe.encrypt(b"x", WRAP, enc="A256GCM")
    name = "A256KW" if word == "algs" else "A256GCM"
    for good in ((name,), [name], {name}, frozenset([name]), {name: 1}, (name, "A128GCM" if word == "encs" else "dir")):
        assert jwe.decrypt(token, WRAP, **{word: good}).plaintext == b"x"
    for bad in (name, name.encode(), 5, True, iter([name])):
        with pytest.raises(TypeError):
            jwe.decrypt(token, WRAP, **{word: bad})
    for empty in ((), [], set(), ("none",), (name, "HS256"), [name.lower()]):
        with pytest.raises(ConfigurationError):
            jwe.decrypt(token, WRAP, **{word: empty})


def test_an_allowlist_narrows() -> None:
    token = jwe.encrypt(b"x", WRAP, enc="A256GCM")
    with pytest.raises(UnsupportedToken) as raised:
        jwe.decrypt(token, WRAP, algs=("A128KW",))
    assert raised.value.alg == "A256KW"
    with pytest.raises(UnsupportedToken) as raised:
        jwe.decrypt(token, WRAP, encs=("A128GCM", "A128CBC-HS256"))
    assert raised.value.kind == "enc"


def test_a_key_without_alg_needs_names() -> None:
    plain = JWK.from_dict({"kty": "oct", "k": WRAP.to_dict(private=True)["k"]})
    token = jwe.encrypt(b"x", plain, enc="A256GCM", alg="A256KW")
    assert jwe.decrypt(token, plain, algs=("A256KW",)).plaintext == b"x"
    assert jwe.decrypt(token, plain, algs=["dir", "A256KW"]).plaintext == b"x"
    with pytest.raises(ConfigurationError, match="algs="):
        jwe.decrypt(token, plain)
    with pytest.raises(ConfigurationError, match="alg="):
        jwe.encrypt(b"x", plain, enc="A256GCM")
    with pytest.raises(UnsupportedToken):
        jwe.decrypt(token, plain, algs=("dir", "A256GCMKW"))


@pytest.mark.parametrize("enc", ENCS)
def test_a_key_whose_alg_is_an_enc(enc: str) -> None:
    key = JWK.generate(enc)
    token = jwe.encrypt(b"x", key, enc=enc)
    assert header_of(token) == {"alg": "dir", "enc": enc, "kid": key.kid}
    assert jwe.decrypt(token, key, algs=("dir",), encs=(enc,)).plaintext == b"x"
    assert jwe.decrypt(jwe.encrypt(b"x", key, enc=enc, alg="dir"), JWKSet([key])).plaintext == b"x"
    for other in ENCS:
        if other != enc:
            with pytest.raises(ConfigurationError):
                jwe.encrypt(b"x", key, enc=other)
    same_length = JWK.from_dict({**key.to_dict(private=True), "alg": "dir"})
    for other in ENCS:
        if other != enc and len(key.raw.private) == len(JWK.generate(other).raw.private):
            with pytest.raises(UnsupportedToken) as raised:
                jwe.decrypt(jwe.encrypt(b"x", same_length, enc=other), key)
            assert raised.value.kind == "enc"
    with pytest.raises(ConfigurationError):
        jwe.encrypt(b"x", key, enc=enc, alg="A256KW")


def test_a_public_key_does_not_decrypt() -> None:
    for alg in ("RSA-OAEP", "ECDH-ES"):
        key = key_for(alg, "P-256" if alg == "ECDH-ES" else None)
        token = jwe.encrypt(b"x", key.public(), enc="A128GCM")
        with pytest.raises(ConfigurationError, match="public key"):
            jwe.decrypt(token, key.public())


@pytest.mark.parametrize(
    "members, may_encrypt, may_decrypt",
    [
        ({"use": "enc"}, True, True),
        ({"use": "sig"}, False, False),
        ({"key_ops": ["wrapKey"]}, True, False),
        ({"key_ops": ["unwrapKey"]}, False, True),
        ({"key_ops": ["encrypt", "decrypt"]}, True, True),
        ({"key_ops": ["sign", "verify"]}, False, False),
        ({"key_ops": ["deriveKey"]}, False, False),
    ],
)
def test_use_and_key_ops(members: dict[str, Any], may_encrypt: bool, may_decrypt: bool) -> None:
    key, token = JWK.from_dict({**WRAP.to_dict(private=True), **members}), jwe.encrypt(b"x", WRAP, enc="A256GCM")
    for may, act in (
        (may_encrypt, lambda: jwe.encrypt(b"x", key, enc="A256GCM")),
        (may_decrypt, lambda: jwe.decrypt(token, key)),
    ):
        if may:
            act()
        else:
            with pytest.raises(ConfigurationError):
                act()


@pytest.mark.parametrize("keys", [b"secret", "secret", None, 5, [b"secret"], [], {}])
def test_keys_are_keys(keys: Any) -> None:
    token = jwe.encrypt(b"x", WRAP, enc="A256GCM")
    with pytest.raises((TypeError, ConfigurationError)):
        jwe.decrypt(token, keys)
    with pytest.raises(TypeError):
        jwe.encrypt(b"x", keys, enc="A256GCM")


# -------------------------------------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    "header",
    [
        *({name: "AAAAAAAAAAAAAAAA"} for name in ("epk", "iv", "tag", "p2s")),
        *({"alg": it} for it in ("A128KW", "none", 5, None)),
        *({"enc": it} for it in ("A128GCM", None)),
        *({"kid": it} for it in ("other", 5, None)),
        *({"zip": it} for it in ("GZIP", "def", None, 5, True)),
        {"crit": ["x"], "x": 1},
        {"b64": False, "crit": ["b64"]},
        {"b64": True},
        *({"typ": it} for it in (5, None, [])),
        {"cty": 5},
        {"apu": "not base64url!"},
        {"apv": 5},
        {"apu": "QQ=="},
        {"p2c": 1000},
        {"x": "y" * 9000},
    ],
    ids=str,
)
def test_a_header_that_every_receiver_refuses(header: dict[str, Any]) -> None:
    for key in (KEY, WRAP):
        with pytest.raises(ConfigurationError if "y" * 99 not in str(header) else ValueError):
            jwe.encrypt(b"x", key, enc="A256GCM", header=header)


@pytest.mark.parametrize("p2c", [0, 1, 999, PBES2_COUNT_MAX + 1, 2**31, -5, True, 1e6, "4096", None])
def test_iterations_that_every_receiver_refuses(p2c: Any) -> None:
    with pytest.raises(ConfigurationError, match="p2c"):
        jwe.encrypt(b"x", key_for("PBES2-HS256+A128KW"), enc="A128GCM", header={"p2c": p2c})


@pytest.mark.parametrize(
    "header",
    [[("zip", "DEF")], "zip", b"zip", 5, {"x": {1, 2}}, {"x": b"y"}, {1: 2}, {"x": float("nan")}, {"x": "\ud800"}],
)
def test_a_header_is_a_mapping_of_json(header: Any) -> None:
    for key in (KEY, WRAP):
        with pytest.raises(TypeError):
            jwe.encrypt(b"x", key, enc="A256GCM", header=header)


@pytest.mark.parametrize("plaintext", ["text", None, 5, {"a": 1}, [1]])
def test_a_plaintext_is_bytes(plaintext: Any) -> None:
    for key in (KEY, WRAP):
        with pytest.raises(TypeError, match="bytes"):
            jwe.encrypt(plaintext, key, enc="A256GCM")


@pytest.mark.parametrize("enc", [None, "", "none", "a256gcm", "A256KW", 5, ["A256GCM"], "A256GCM "])
def test_enc_is_one_of_the_rfc(enc: Any) -> None:
    for key in (KEY, WRAP):
        with pytest.raises(ConfigurationError, match="A128CBC-HS256"):
            jwe.encrypt(b"x", key, enc=enc)


def test_alg_is_that_of_the_key() -> None:
    for alg in ("dir", "A128KW", "none", "HS256"):
        with pytest.raises(ConfigurationError):
            jwe.encrypt(b"x", WRAP, enc="A256GCM", alg=alg)
    plain = JWK.from_dict({"kty": "oct", "k": "AAECAwQFBgcICQoLDA0ODw"})  # 16 bytes
    for alg, error in (("HS256", ConfigurationError), ("A256KW", WeakKey), ("RSA-OAEP", KeyFormatError)):
        with pytest.raises(error):
            jwe.encrypt(b"x", plain, enc="A256GCM", alg=alg)
    with pytest.raises(ConfigurationError, match="encrypts"):
        jwe.encrypt(b"x", JWK.generate("HS256"), enc="A256GCM")


def test_a_direct_key_has_the_length_of_its_enc() -> None:
    for bits in (128, 192, 256, 384, 512):
        key = JWK.generate("dir", bits=bits)
        for enc in ENCS:
            fits = bits // 8 == len(key_for("dir", None, enc).raw.private)
            if fits:
                assert jwe.decrypt(jwe.encrypt(b"x", key, enc=enc), key).plaintext == b"x"
            else:
                with pytest.raises(ConfigurationError, match="exactly"):
                    jwe.encrypt(b"x", key, enc=enc)


# ------------------------------------------------------------------------------------------- what is remembered


def test_what_is_returned_does_not_reach_the_next() -> None:
    for more in ({"x": "y"}, {"x": {"y": [1]}}, {"x": [{"y": 1}]}):
        for key in (fresh(KEY), fresh(WRAP)):
            token = jwe.encrypt(b"x", key, enc="A256GCM", header=more)
            for _ in range(4):
                header = jwe.decrypt(token, key).header
                assert header["x"] == more["x"]
                header["alg"] = header["new"] = "spoilt"
                if isinstance(header["x"], dict):
                    header["x"]["y"].append(2)
                if isinstance(header["x"], list):
                    header["x"][0]["y"] = 2


def test_only_headers_that_decrypted_are_remembered_and_not_too_many() -> None:
    key = fresh(KEY)
    assert jwe.decrypt(jwe.encrypt(b"x", key, enc="A256GCM"), key).plaintext == b"x"
    compiled = key.prepared["jwe", None, None, False, False, False]
    admitted = compiled.__closure__[compiled.__code__.co_freevars.index("admitted")].cell_contents
    assert len(admitted) == 1
    other = JWK.from_secret(os.urandom(32), alg="A256GCM", kid="direct")
    for n in range(3):
        with pytest.raises(DecryptionFailed):
            jwe.decrypt(jwe.encrypt(b"x", other, enc="A256GCM", header={"x": n}), key)
    assert len(admitted) == 1
    for n in range(3 * HEADERS_REMEMBERED_MAX):
        token = jwe.encrypt(b"x", key, enc="A256GCM", header={"x": n})
        assert jwe.decrypt(token, key).header["x"] == n
        assert len(admitted) <= HEADERS_REMEMBERED_MAX


def test_one_policy_does_not_serve_another() -> None:
    key, token = fresh(KEY), jwe.encrypt(b"x", KEY, enc="A256GCM")
    packed = jwe.encrypt(b"x", KEY, enc="A256GCM", header=ZIP)
    for _ in range(2):
        assert jwe.decrypt(token, key).plaintext == b"x"
        assert jwe.decrypt(packed, key, allow_zip=True).plaintext == b"x"
        assert jwe.decrypt(token, key, encs=("A256GCM",)).plaintext == b"x"
        for words in ({"encs": ("A128GCM",)}, {"algs": ("A256KW",)}):
            with pytest.raises(UnsupportedToken):
                jwe.decrypt(token, key, **words)
        with pytest.raises(UnsupportedToken):
            jwe.decrypt(packed, key)


@pytest.mark.parametrize(
    "token", [None, b"a.b.c.d.e", 5, "", "....", "a.b.c", "a.b.c.d.e.f", " a.b.c.d.e", "a.b.c.d.\u00e9", []]
)
def test_what_is_no_compact_jwe(token: Any) -> None:
    for key in (KEY, WRAP):
        jwe.decrypt(jwe.encrypt(b"x", key, enc="A256GCM"), key)
        with pytest.raises(MalformedToken):
            jwe.decrypt(token, key)


def test_every_exception_together() -> None:
    for alg in ("RSA1_5", "PBES2-HS256+A128KW"):
        key = key_for(alg)
        token = jwe.encrypt(b"x" * 99, half(key), enc="A128GCM", header={**ZIP, **(cheap(alg) or {})})
        assert jwe.decrypt(token, key, **EVERYTHING).plaintext == b"x" * 99
        for word in ("allow_zip", *words_for(alg)):
            with pytest.raises(UnsupportedToken):
                jwe.decrypt(token, key, **(EVERYTHING | {word: False}))
