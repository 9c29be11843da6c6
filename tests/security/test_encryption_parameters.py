"""ATTACKS 3.5, E07 to E11: ephemeral and encrypted keys, what is authenticated, policies, every single character."""

import json
import os
from collections.abc import Iterator
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from daypass import jwe, jwt
from daypass.errors import (
    DecryptionFailed,
    KeyFormatError,
    MalformedToken,
    UnsupportedToken,
    WeakKey,
)
from daypass.jose.jwa.key_management import KEY_MANAGEMENT_ALGORITHMS
from daypass.jose.jwk import JWK
from tests.encryption import ENCS, EVERYTHING, KINDS, cheap, fresh, half, key_for, named, words_for
from tests.security.forge import b64u, outcome, unb64u
from tests.security.forge_jwe import (
    agreed,
    agreement,
    cek_of,
    compact,
    curve_key,
    direct,
    epk_of,
    flat,
    flattened,
    general,
    pbes2,
    receiver,
    recipient,
    refused,
    rsa_encrypted,
    rsa_token,
    segments,
    with_segment,
    wrapped,
)

ANY_REFUSAL = (DecryptionFailed, MalformedToken, UnsupportedToken)
PBES2 = "PBES2-HS256+A128KW"


# --------------------------------------------------------------------------------------- E07: ephemeral public keys

P = 2**255 - 19
LOW_ORDER = [
    0,
    1,
    P - 1,
    P,
    P + 1,
    int.from_bytes(bytes.fromhex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"), "little"),
    int.from_bytes(bytes.fromhex("5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157"), "little"),
]


@pytest.mark.parametrize("wrap", [False, True], ids=["direct", "wrapping"])
@pytest.mark.parametrize("u", LOW_ORDER)
def test_E07_a_point_of_small_order(u: int, wrap: bool) -> None:
    """Sealed under what a secret of zeros derives to: whoever takes such a point opens it."""
    for value in (u, u | 1 << 255):
        epk = {"kty": "OKP", "crv": "X25519", "x": b64u(value.to_bytes(32, "little"))}
        refused(agreed("X25519", epk, bytes(32), wrap=wrap), DecryptionFailed, agreement("X25519", wrap=wrap))


def bad_points() -> Iterator[tuple[str, Any]]:
    good = epk_of(curve_key("P-256"))
    yield "off the curve", {**good, "y": b64u(bytes(31) + b"\1")}
    yield "swapped", {**good, "x": good["y"], "y": good["x"]}
    yield "infinity", {**good, "x": b64u(bytes(32)), "y": b64u(bytes(32))}
    yield "beyond the field", {**good, "x": b64u(b"\xff" * 32), "y": b64u(b"\xff" * 32)}
    yield "short", {**good, "x": b64u(unb64u(good["x"])[1:])}
    yield "long", {**good, "x": b64u(b"\0" + unb64u(good["x"]))}
    yield "no y", {name: value for name, value in good.items() if name != "y"}
    yield "x of a number", {**good, "x": 5}
    yield "padded", {**good, "x": good["x"] + "="}
    yield "not ASCII", {**good, "x": "\u00e9" * 43}
    yield "another curve", epk_of(curve_key("P-384"))
    yield "another curve's name", {**epk_of(curve_key("P-384")), "crv": "P-256"}
    yield "Montgomery", epk_of(curve_key("X25519"))
    yield "Montgomery by name", {**epk_of(curve_key("X25519")), "crv": "P-256"}
    yield "no kty", {name: value for name, value in good.items() if name != "kty"}
    yield "another kty", {**good, "kty": "OKP"}
    yield "kty of a number", {**good, "kty": 5}
    yield "secp256k1", {**good, "crv": "secp256k1"}
    yield "no crv", {name: value for name, value in good.items() if name != "crv"}
    yield "crv of a list", {**good, "crv": ["P-256"]}
    yield "private", {**good, "d": b64u(b"\1" * 32)}
    yield "private by name", {**good, "d": None}
    yield "secret", {"kty": "oct", "crv": "P-256", "k": b64u(bytes(32))}
    rsa = receiver("RSA-OAEP").public().to_dict()
    yield "RSA", {**rsa, "crv": "P-256"}
    yield "long RSA", {"kty": "RSA", "crv": "P-256", "n": b64u(b"\xff" * 2048), "e": "AQAB"}
    yield "empty", {}
    for other in (None, "", "epk", 5, True, [], [good], b64u(json.dumps(good).encode())):
        yield repr(other)[:20], other


@pytest.mark.parametrize("wrap", [False, True], ids=["direct", "wrapping"])
@pytest.mark.parametrize("epk", [pytest.param(epk, id=name) for name, epk in bad_points()])
def test_E07_a_point_that_is_none(epk: Any, wrap: bool, calls: list[str]) -> None:
    """CVE-2016-9121, CVE-2017-16007: one error, one road, which is that of a wrong tag."""
    refused(agreed("P-256", {} if epk is None else epk, wrap=wrap), DecryptionFailed, agreement("P-256", wrap=wrap))
    name = "ECDH-ES+A128KW" if wrap else "ECDH-ES"
    assert calls == ["random", f"receive {name}", "open A128GCM"] * 5
    if epk is None:
        refused(agreed("P-256", ..., wrap=wrap), DecryptionFailed, agreement("P-256", wrap=wrap))


def test_E07_a_point_with_its_private_half() -> None:
    """RFC 7518 4.6.1.1: public parameters alone. Sealed honestly, and the halves belong together."""
    ephemeral = ec.generate_private_key(ec.SECP256R1())
    z = ephemeral.exchange(ec.ECDH(), curve_key("P-256").public_key())
    epk = epk_of(ephemeral)
    assert jwe.decrypt(agreed("P-256", epk, z), agreement("P-256")).plaintext == b"x"
    d = ephemeral.private_numbers().private_value.to_bytes(32, "big")
    refused(agreed("P-256", {**epk, "d": b64u(d)}, z), DecryptionFailed, agreement("P-256"))


def test_E07_no_other_work_is_done_for_a_point(monkeypatch: pytest.MonkeyPatch) -> None:
    """An RSA key whose primes would have to be searched for, a chain of members: none of it is looked at."""
    from daypass.jose import jwe_header

    read: list[Any] = []
    monkeypatch.setattr(jwe_header, "read_members", lambda it: read.append(it) or 1 / 0)
    for epk in (
        {"kty": "RSA", "crv": "P-256"},
        {"kty": "oct", "crv": "P-256"},
        {"kty": "EC", "crv": "P-384"},
        {"d": 1},
    ):
        refused(agreed("P-256", epk), DecryptionFailed, agreement("P-256"))
    assert read == []


def test_E07_members_beside_a_point_are_ignored() -> None:
    """RFC 7518 4.6.1.1 leaves it to us: they name no key of ours."""
    for crv in ("P-256", "X25519"):
        key = agreement(crv)
        token = jwe.encrypt(b"x", key.public(), enc="A128GCM")
        members = json.loads(unb64u(segments(token)[0]))
        assert jwe.decrypt(token, key).header["epk"] == members["epk"]
    more = {"kid": "admin", "use": "sig", "alg": "none", "key_ops": ["sign"], "x5u": "https://evil.example"}
    ephemeral = curve_key("P-384")
    z = ephemeral.exchange(ec.ECDH(), curve_key("P-384").public_key())
    token = agreed("P-384", {**epk_of(ephemeral), **more}, z)
    assert jwe.decrypt(token, agreement("P-384")).plaintext == b"x"


# --------------------------------------------------------------------------------------------- E08: encrypted keys


@pytest.mark.parametrize("ek", [b"x", bytes(24), bytes(40)])
def test_E08_where_the_key_is_the_cek_there_is_no_encrypted_one(ek: bytes) -> None:
    good = direct()
    refused(with_segment(good, 1, b64u(ek)), DecryptionFailed, receiver("dir"), good)
    for crv in ("P-256", "X25519"):
        refused(with_segment(agreed(crv, None), 1, b64u(ek)), DecryptionFailed, agreement(crv))


@pytest.mark.parametrize("alg, crv", KINDS, ids=[named(*kind) for kind in KINDS])
def test_E08_an_encrypted_key_that_is_empty_or_short(alg: str, crv: str | None, calls: list[str]) -> None:
    """CVE-2026-34986: the steps, too, are those of a wrong tag."""
    if KEY_MANAGEMENT_ALGORITHMS[alg].is_direct:
        return
    key = key_for(alg, crv)
    good = jwe.encrypt(b"x", half(key), enc="A128GCM", header=cheap(alg))
    ek = unb64u(segments(good)[1])
    calls.clear()
    for bad in (b"", ek[:1], ek[:8], ek[:15], ek[:-8], ek[:-1], ek + bytes(8), ek * 2, bytes(len(ek))):
        token = with_segment(good, 1, b64u(bad))
        assert outcome(lambda t=token: jwe.decrypt(t, key, **EVERYTHING)) is DecryptionFailed
        assert outcome(lambda t=token: jwe.decrypt_json(flat(t), key, **EVERYTHING)) is DecryptionFailed
    steps = [call for call in calls if call not in ("derive",)]
    road = ["random", "open A128GCM"]
    assert [step for step in steps if not step.startswith("receive")] == road * 18


@pytest.mark.parametrize("size", [0, 8, 16, 24, 40, 64])
def test_E08_a_cek_has_the_length_of_its_enc(size: int) -> None:
    """The wrapping holds, and what it holds is no key for the enc."""
    from cryptography.hazmat.primitives.keywrap import aes_key_wrap

    from tests.security.forge_jwe import SECRET

    if size >= 16:
        ek = aes_key_wrap(SECRET, os.urandom(size))
        refused(with_segment(wrapped(), 1, b64u(ek)), DecryptionFailed, receiver("A256KW"))
    if size in (16, 24):
        short = os.urandom(size)
        refused(
            compact({"alg": "A256KW", "enc": "A256GCM"}, cek=short, ek=aes_key_wrap(SECRET, short)),
            DecryptionFailed,
            receiver("A256KW"),
        )


@pytest.mark.parametrize("enc", ENCS)
@pytest.mark.parametrize("bits", [128, 192, 256, 384, 512])
def test_E08_a_direct_key_has_the_length_of_its_enc(bits: int, enc: str) -> None:
    key = JWK.generate("dir", bits=bits)
    if len(key.raw.private) != len(cek_of(enc)):
        token = compact({"alg": "dir", "enc": enc}, cek=cek_of(enc))
        refused(token, DecryptionFailed, key)


# ---------------------------------------------------------------------------------------- E09: what is authenticated

SPELLINGS = [
    b'{ "alg":"dir","enc":"A256GCM"}',
    b'{"enc":"A256GCM",\n"alg":"dir"}',
    b'{"\\u0061lg":"dir","enc":"A256GCM"}',
    b'{"alg":"dir","enc":"A256GCM","x":1.0}',
    '{"alg":"dir","enc":"A256GCM","\u00e9":"\\u00e9"}'.encode(),
]


@pytest.mark.parametrize("header", SPELLINGS)
def test_E09_the_header_is_authenticated_as_it_was_received(header: bytes) -> None:
    key, token = receiver("dir"), compact(header)
    for _ in range(2):
        assert jwe.decrypt(token, key).plaintext == b"x"
        assert jwe.decrypt_json(flat(token), key).plaintext == b"x"
    for other in SPELLINGS:
        if other != header:
            refused(with_segment(token, 0, b64u(other)), DecryptionFailed, key, token)


def test_E09_so_is_what_stands_beside_it() -> None:
    key = receiver("dir")
    token = flattened(aad=b64u(b"in the clear"))
    assert jwe.decrypt_json(token, key).aad == b"in the clear"
    head, aad = token["protected"], token["aad"]
    without = {name: value for name, value in token.items() if name != "aad"}
    for bad in ({**token, "aad": b64u(b"in the cleaR")}, without, {**flattened(), "aad": aad}, {**token, "aad": head}):
        assert outcome(jwe.decrypt_json, bad, key) is DecryptionFailed
    # and where one ends and the other begins is told
    moved = flattened(f"{head[:-4]}", aad=f"{head[-4:]}{aad}")
    assert outcome(jwe.decrypt_json, moved, key) in ANY_REFUSAL


# ------------------------------------------------------------------------------------------ E10, E11: keys, policies


def test_E10_a_key_is_for_its_algorithm(calls: list[str]) -> None:
    tokens = {
        "dir": direct(),
        "A256KW": wrapped(),
        "PBES2-HS256+A128KW": pbes2(),
        "RSA1_5": rsa_token(rsa_encrypted(cek_of("A128GCM"))),
        "RSA-OAEP": rsa_token(bytes(256), alg="RSA-OAEP"),
        "ECDH-ES": agreed("P-256", None),
        "ECDH-ES+A128KW": agreed("P-256", None, wrap=True),
    }
    keys = {alg: receiver(alg, "P-256" if alg.startswith("ECDH") else None) for alg in tokens}
    for alg, token in tokens.items():
        for other, key in keys.items():
            if other != alg:
                refused(token, UnsupportedToken, key)
    assert calls == []
    for alg, token in tokens.items():
        for kty in ("RSA-OAEP", "A256KW"):
            key = JWK.from_dict({it: v for it, v in receiver(kty).to_dict(private=True).items() if it != "alg"})
            if KEY_MANAGEMENT_ALGORITHMS[alg].kty != key.kty:
                assert (
                    outcome(lambda t=token, k=key, a=alg: jwe.decrypt(t, k, algs=(a,), **EVERYTHING))
                    is UnsupportedToken
                )
                with pytest.raises((KeyFormatError, WeakKey)):
                    jwe.encrypt(b"x", key, enc="A128GCM", alg=alg)
    assert calls == []


@pytest.mark.parametrize("name", ["alg", "enc", "kid", "epk", "apu", "apv", "iv", "tag", "p2s", "p2c", "x", "zip", ""])
def test_E10_a_parameter_stands_in_one_header(name: str, calls: list[str]) -> None:
    """A08 of a JWE, GHSA-jc38-x7x8-2xc8: three headers, pairwise disjoint, even where they agree."""
    protected, value = {"alg": "dir", "enc": "A256GCM"}, "DEF" if name == "zip" else 1000
    full = {**protected, name: protected.get(name, value)}
    if name == "kid":
        full[name] = "k"
    for mine in (full[name], 1000, None):
        for bad in (
            flattened(full, header={name: mine}),
            flattened(full, unprotected={name: mine}),
            flattened(protected, header={name: mine}, unprotected={name: mine}),
            general(recipient({"alg": "A256KW", name: mine}), shared={name: mine}),
            general(
                recipient(), recipient({"alg": "A256KW", name: mine}), protected={"enc": "A256GCM", name: full[name]}
            ),
        ):
            for key in (receiver("dir"), receiver("A256KW")):
                assert outcome(lambda b=bad, k=key: jwe.decrypt_json(b, k, **EVERYTHING)) is MalformedToken
    assert calls == []


@pytest.mark.parametrize("bad", [None, 5, True, ["dir"], {"dir": 1}, ...])
@pytest.mark.parametrize("name", ["alg", "enc"])
def test_E10_alg_and_enc_are_strings(name: str, bad: Any, calls: list[str]) -> None:
    header = {it: value for it, value in {"alg": "dir", "enc": "A256GCM", name: bad}.items() if value is not ...}
    refused(compact(header), MalformedToken, receiver("dir"))
    assert calls == []


@pytest.mark.parametrize(
    "alg", ["none", "None", "DIR", "dir ", "dir\0", "", "HS256", "A256GCM", "PBES2-", "RSA-OAEP-1"]
)
def test_E10_a_name_is_compared_exactly(alg: str, calls: list[str]) -> None:
    """A01, A20 of a JWE."""
    refused(direct({"alg": alg}), UnsupportedToken, receiver("dir"))
    refused(compact({"alg": "dir", "enc": alg.replace("A256GCM", "a256gcm")}), UnsupportedToken, receiver("dir"))
    assert calls == []


def test_E11_the_allowlist_covers_alg_and_enc(calls: list[str]) -> None:
    key = JWK.from_dict(
        {it: v for it, v in receiver("A256KW").to_dict(private=True).items() if it not in ("alg", "kid")}
    )
    allowed: dict[str, Any] = {"algs": ("A256KW", "A256GCMKW"), "encs": ("A256GCM", "A256CBC-HS512")}
    assert jwe.decrypt(wrapped(), key, **allowed).plaintext == b"x"
    calls.clear()
    for token in (
        direct(),
        wrapped({"enc": "A128GCM"}),
        wrapped({"enc": "A128CBC-HS256"}),
        agreed("P-256", None, wrap=True),
    ):
        assert outcome(lambda t=token: jwe.decrypt(t, key, **allowed)) is UnsupportedToken
        assert outcome(lambda t=token: jwe.decrypt_json(flat(t), key, **allowed)) is UnsupportedToken
        assert outcome(lambda t=token: jwt.decrypt(t, key, **allowed)) is UnsupportedToken
    curve = agreement("P-256", wrap=True)
    for words in ({"algs": ("A256GCMKW",)}, {"encs": ("A256GCM",)}):
        assert outcome(lambda w=words: jwe.decrypt(agreed("P-256", None, wrap=True), curve, **w)) is UnsupportedToken
    assert calls == []


def test_E11_an_unprotected_alg_does_not_widen_what_is_allowed(calls: list[str]) -> None:
    """A07 of a JWE: with several recipients it stands there, and anybody on the way may write it."""
    key = fresh(receiver("A256KW"))
    for alg in ("dir", "none", "A128KW", "RSA1_5", PBES2, "ECDH-ES+A128KW"):
        token = general(recipient({"alg": alg}))
        assert outcome(lambda t=token: jwe.decrypt_json(t, key, **EVERYTHING)) is UnsupportedToken
    shared = general(recipient(...), shared={"alg": "A256KW"})
    assert jwe.decrypt_json(shared, key).unprotected == {"alg": "A256KW"}
    assert calls == ["random", "receive A256KW", "open A256GCM"]


# ------------------------------------------------------------------------------------------------- every character

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


@pytest.mark.parametrize("alg, crv", KINDS, ids=[named(*kind) for kind in KINDS])
def test_every_character_of_a_token_counts(alg: str, crv: str | None) -> None:
    """Whatever is touched: never a success, never another error; and what header and shape do not say, one error."""
    key = key_for(alg, crv)
    token = jwe.encrypt(b"plaintext", half(key), enc="A128GCM", header=cheap(alg))
    words, body = words_for(alg), len(segments(token)[0])
    assert jwe.decrypt(token, key, **words).plaintext == b"plaintext"
    met = set()
    for place, letter in enumerate(token):
        others = "A." if letter == "." else LETTERS[(LETTERS.index(letter) + 1) % 64]
        for other in others.replace(letter, ""):
            spoilt = f"{token[:place]}{other}{token[place + 1 :]}"
            refusal = outcome(lambda it=spoilt: jwe.decrypt(it, key, **words))
            assert refusal in ANY_REFUSAL, place
            met.add(refusal)
            if place > body and refusal is not DecryptionFailed:
                assert refusal is MalformedToken  # stray bits, or a dot more or less
    assert DecryptionFailed in met
    assert MalformedToken in met


@pytest.mark.parametrize("name", ["protected", "encrypted_key", "iv", "ciphertext", "tag", "aad"])
def test_every_character_of_a_token_in_json_counts(name: str) -> None:
    key = key_for("A256KW")
    token = jwe.encrypt_json(b"plaintext", key, enc="A128CBC-HS256", aad=b"in the clear", flattened=True)
    for place, letter in enumerate(token[name]):
        for other in {LETTERS[(LETTERS.index(letter) + step) % 64] for step in (1, 7, 32)}:
            spoilt = {**token, name: f"{token[name][:place]}{other}{token[name][place + 1 :]}"}
            assert outcome(jwe.decrypt_json, spoilt, key) in ANY_REFUSAL
    for cut in range(len(token[name])):
        assert outcome(jwe.decrypt_json, {**token, name: token[name][:cut]}, key) in ANY_REFUSAL
