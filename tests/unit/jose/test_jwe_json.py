"""jwe.encrypt_json and jwe.decrypt_json: flattened and general, several recipients, three headers, aad."""

import json
import os
from collections.abc import Callable
from typing import Any

import pytest

from daypass import jwe
from daypass.encoding import b64url_decode, b64url_encode
from daypass.errors import (
    ConfigurationError,
    DecryptionFailed,
    MalformedToken,
    TokenTooLarge,
    UnknownKey,
    UnsupportedToken,
)
from daypass.jose.jwa.content_encryption import CONTENT_ENCRYPTIONS
from daypass.jose.jwa.key_management import KEY_MANAGEMENT_ALGORITHMS
from daypass.jose.jwe_json import Recipient
from daypass.jose.jwk import JWK
from daypass.jose.jwk_set import JWKSet
from daypass.limits import HEADER_BYTES_MAX, PBES2_COUNT_MAX, RECIPIENTS_MAX, TOKEN_BYTES_MAX
from tests.encryption import ENCS, EVERYTHING, KINDS, WRAPPING, cheap, fresh, half, key_for, named, words_for

KEY = JWK.from_secret(bytes(range(32)), alg="A256GCM", kid="direct")
WRAP = JWK.from_secret(bytes(range(32)), alg="A256KW", kid="wrap")
OTHER = JWK.from_secret(bytes(range(1, 33)), alg="A256KW", kid="other")
EACH = pytest.mark.parametrize("alg, crv", KINDS, ids=[named(*kind) for kind in KINDS])
Token = dict[str, Any]


def protected_of(token: Token) -> Token:
    return json.loads(b64url_decode(token["protected"].encode())) if "protected" in token else {}


# ------------------------------------------------------------------------------------------------ round trips


@pytest.mark.parametrize("enc", ENCS)
@EACH
def test_every_algorithm_with_every_encryption(alg: str, crv: str | None, enc: str) -> None:
    key = key_for(alg, crv, enc)
    for flattened in (False, True):
        made = jwe.encrypt_json(b"octets", half(key), enc=enc, header=cheap(alg), flattened=flattened, aad=b"in clear")
        part = made if flattened else made["recipients"][0]
        assert ("encrypted_key" in part) is not KEY_MANAGEMENT_ALGORITHMS[alg].is_direct
        assert ("recipients" in made) is not flattened
        assert "header" not in part  # of one recipient everything is protected
        for token in (made, json.dumps(made), json.dumps(made, indent=2)):
            opened = jwe.decrypt_json(token, key, **words_for(alg))
            assert (opened.plaintext, opened.aad, opened.unprotected, opened.recipient) == (
                b"octets",
                b"in clear",
                {},
                0,
            )
            assert opened.key is key
            assert opened.header == protected_of(made)
            assert opened.header.items() >= {"alg": alg, "enc": enc, "kid": key.kid}.items()
        for word in words_for(alg):
            with pytest.raises(UnsupportedToken):
                jwe.decrypt_json(made, key, **(EVERYTHING | {word: False}))


@pytest.mark.parametrize("enc", ENCS)
def test_every_wrapping_algorithm_at_once(enc: str) -> None:
    keys = [key_for(alg, crv, enc) for alg, crv in WRAPPING]
    recipients = [Recipient(half(key), header=cheap(str(key.alg))) for key in keys]
    token = jwe.encrypt_json(b"for all", recipients, enc=enc, aad=b"a")
    assert len(token["recipients"]) == len(WRAPPING) == 29
    assert protected_of(token) == {"enc": enc}
    for index, key in enumerate(keys):
        opened = jwe.decrypt_json(token, key, **words_for(str(key.alg)))
        assert (opened.plaintext, opened.recipient, opened.aad) == (b"for all", index, b"a")
        assert opened.header == {"enc": enc}
        assert opened.unprotected == token["recipients"][index]["header"]
        assert opened.unprotected.items() >= {"alg": key.alg, "kid": key.kid}.items()
    everybody = [key for key in keys if key.alg not in ("RSA1_5",) and not str(key.alg).startswith("PBES2")]
    assert jwe.decrypt_json(token, JWKSet(everybody)).recipient == 0
    assert jwe.decrypt_json(token, JWKSet(everybody[5:])).key is everybody[5]


@pytest.mark.parametrize("plaintext", [b"", b"x", os.urandom(500_000)], ids=["empty", "short", "long"])
@pytest.mark.parametrize("aad", [None, b"", b"\0", os.urandom(1000)], ids=["none", "empty", "octet", "long"])
def test_plaintexts_and_authenticated_data(plaintext: bytes, aad: bytes | None) -> None:
    for key in (KEY, WRAP, [WRAP, OTHER]):
        token = jwe.encrypt_json(plaintext, key, enc="A256GCM", aad=aad)
        opened = jwe.decrypt_json(token, WRAP if isinstance(key, list) else key)
        assert (opened.plaintext, opened.aad) == (plaintext, aad or b"")
        assert ("aad" in token) is bool(aad)


def test_three_headers() -> None:
    recipients = [Recipient(WRAP, header={"x": 1, "cty": "c"}), Recipient(OTHER)]
    made = jwe.encrypt_json(b"x", recipients, enc="A128GCM", header={"typ": "t"}, unprotected={"jku": "u", "n": [1]})
    for token in (made, json.dumps(made)):
        opened = jwe.decrypt_json(token, WRAP)
        assert opened.header == {"enc": "A128GCM", "typ": "t"}
        assert opened.unprotected == {"jku": "u", "n": [1], "alg": "A256KW", "kid": "wrap", "x": 1, "cty": "c"}
        other = jwe.decrypt_json(token, OTHER)
        assert (other.recipient, other.unprotected) == (1, {"jku": "u", "n": [1], "alg": "A256KW", "kid": "other"})


def test_a_recipient_with_a_header_of_its_own() -> None:
    for flattened in (True, False):
        for key in (KEY, WRAP):
            recipient = Recipient(key, header={"x": 1})
            token = jwe.encrypt_json(b"x", recipient, enc="A256GCM", flattened=flattened)
            assert protected_of(token) == {"enc": "A256GCM"}
            opened = jwe.decrypt_json(token, key)
            assert opened.unprotected.items() >= {"x": 1, "kid": key.kid}.items()


def test_what_all_recipients_have_in_common_may_be_protected() -> None:
    """And then a header that would be empty is left out: RFC 7516 7.2.1."""
    keys = [JWK.from_secret(os.urandom(32), alg="A256KW") for _ in range(3)]
    token = jwe.encrypt_json(b"x", keys, enc="A256GCM", header={"alg": "A256KW"})
    assert protected_of(token) == {"enc": "A256GCM", "alg": "A256KW"}
    assert [set(it) for it in token["recipients"]] == [{"encrypted_key"}] * 3
    for index, key in enumerate(keys):
        assert jwe.decrypt_json(token, key).recipient == index
    shared = jwe.encrypt_json(b"x", keys, enc="A256GCM", unprotected={"alg": "A256KW"})
    assert jwe.decrypt_json(shared, keys[2]).unprotected == {"alg": "A256KW"}


def test_parties_and_iterations_stand_where_the_caller_put_them() -> None:
    key = key_for("ECDH-ES+A128KW", "P-256")
    party = {"apu": "QWxpY2U", "apv": "Qm9i"}
    ways: list[tuple[Any, Token]] = [
        (half(key), {"header": party}),
        (half(key), {"unprotected": party}),
        ([Recipient(half(key), header=party), WRAP], {}),
        ([half(key), WRAP], {"header": party}),
        ([half(key), WRAP], {"unprotected": party}),
    ]
    for to, words in ways:
        opened = jwe.decrypt_json(jwe.encrypt_json(b"x", to, enc="A128GCM", **words), key)
        assert (opened.header | opened.unprotected).items() >= party.items()
    password = key_for("PBES2-HS256+A128KW")
    for to, words in (
        (password, {"header": {"p2c": 1000}}),
        (password, {"unprotected": {"p2c": 1000}}),
        ([Recipient(password, header={"p2c": 1000}), WRAP], {}),
    ):
        opened = jwe.decrypt_json(jwe.encrypt_json(b"x", to, enc="A128GCM", **words), password, allow_pbes2=True)
        assert (opened.header | opened.unprotected)["p2c"] == 1000


@pytest.mark.parametrize("enc", ENCS)
def test_a_compressed_plaintext(enc: str) -> None:
    for to, key in ((WRAP, WRAP), ([OTHER, WRAP], WRAP)):
        token = jwe.encrypt_json(b"abc" * 1000, to, enc=enc, header={"zip": "DEF"})
        assert len(token["ciphertext"]) < 100
        assert jwe.decrypt_json(token, key, allow_zip=True).plaintext == b"abc" * 1000
        with pytest.raises(UnsupportedToken):
            jwe.decrypt_json(token, key)


def test_the_longest_token() -> None:
    size = (TOKEN_BYTES_MAX - 400) // 4 * 3
    token = jwe.encrypt_json(os.urandom(size), WRAP, enc="A256GCM")
    assert len(json.dumps(token)) > TOKEN_BYTES_MAX - 400
    for it in (token, json.dumps(token)):
        assert len(jwe.decrypt_json(it, WRAP).plaintext) == size
    with pytest.raises(ValueError, match="longer"):
        jwe.encrypt_json(bytes(size + 400), WRAP, enc="A256GCM")
    with pytest.raises(ValueError, match="longer"):
        jwe.encrypt_json(b"", WRAP, enc="A256GCM", aad=bytes(size + 400))


def test_many_recipients() -> None:
    keys = [JWK.from_secret(os.urandom(32), alg="A256KW", kid=f"{n}") for n in range(RECIPIENTS_MAX)]
    token = jwe.encrypt_json(b"x", keys, enc="A256GCM")
    assert jwe.decrypt_json(token, keys[-1]).recipient == RECIPIENTS_MAX - 1
    with pytest.raises(ConfigurationError, match="recipients"):
        jwe.encrypt_json(b"x", [*keys, WRAP], enc="A256GCM")
    token["recipients"].append(token["recipients"][0])
    with pytest.raises(TokenTooLarge):
        jwe.decrypt_json(token, keys[-1])


# ----------------------------------------------------------------------------------------------- which recipient


def test_whose_kid_is_named_is_tried_alone() -> None:
    """Otherwise each recipient that the key could be is tried; a kid that is not ours is no obstacle."""
    nameless, stranger = JWK.from_secret(WRAP.raw.private, alg="A256KW"), JWK.from_secret(bytes(32), alg="A256KW")
    token = jwe.encrypt_json(b"x", [stranger, OTHER, WRAP], enc="A256GCM")
    assert jwe.decrypt_json(token, WRAP).recipient == 2
    assert jwe.decrypt_json(token, nameless).recipient == 2
    renamed = JWK.from_secret(WRAP.raw.private, alg="A256KW", kid="other")
    with pytest.raises(DecryptionFailed):
        jwe.decrypt_json(token, renamed)
    nobody = JWK.from_secret(bytes(range(2, 34)), alg="A256KW")
    with pytest.raises(DecryptionFailed):
        jwe.decrypt_json(token, nobody)


def test_a_set_takes_what_is_for_one_of_its_keys() -> None:
    rsa, curve = key_for("RSA-OAEP-256"), key_for("ECDH-ES+A256KW", "X25519")
    token = jwe.encrypt_json(b"x", [half(rsa), half(curve), WRAP], enc="A256GCM")
    assert jwe.decrypt_json(token, JWKSet([curve, KEY])).key is curve
    assert jwe.decrypt_json(token, [WRAP, curve, rsa]).key is rsa
    with pytest.raises(UnknownKey):
        jwe.decrypt_json(token, JWKSet([OTHER]))
    with pytest.raises(UnsupportedToken):
        jwe.decrypt_json(token, KEY)
    assert jwe.decrypt_json(token, [WRAP, rsa], algs=("A256KW",)).key is WRAP


def test_an_unknown_key_is_told_whatever_came_first() -> None:
    """A remote set fetches anew for it, and for nothing else."""
    token = jwe.encrypt_json(
        b"x", [Recipient(key_for("PBES2-HS256+A128KW"), header={"p2c": 1000}), WRAP], enc="A256GCM"
    )
    with pytest.raises(UnknownKey):
        jwe.decrypt_json(token, JWKSet([OTHER]))


def test_allowlists() -> None:
    token = jwe.encrypt_json(b"x", [WRAP, OTHER], enc="A256GCM")
    for good in ({"algs": ("A256KW",)}, {"encs": ["A256GCM"]}, {"algs": {"A256KW", "dir"}, "encs": ("A256GCM",)}):
        assert jwe.decrypt_json(token, WRAP, **good).plaintext == b"x"
    for bad in ({"algs": ("A128KW",)}, {"encs": ("A128GCM",)}):
        with pytest.raises(UnsupportedToken):
            jwe.decrypt_json(token, WRAP, **bad)
    for wrong in ({"algs": "A256KW"}, {"encs": "A256GCM"}, {"algs": 5}):
        with pytest.raises(TypeError):
            jwe.decrypt_json(token, WRAP, **wrong)
    for empty in ({"algs": ()}, {"encs": []}, {"algs": ["none"]}, {"encs": ["none"]}):
        with pytest.raises(ConfigurationError):
            jwe.decrypt_json(token, WRAP, **empty)


# -------------------------------------------------------------------------------------------- what is refused


def test_a_sender_refuses_what_a_receiver_does() -> None:
    both, password = [WRAP, OTHER], key_for("PBES2-HS256+A128KW")
    refused: list[Callable[[], object]] = [
        lambda: jwe.encrypt_json(b"x", [], enc="A256GCM"),
        lambda: jwe.encrypt_json(b"x", both, enc="A256GCM", flattened=True),
        lambda: jwe.encrypt_json(b"x", [KEY, WRAP], enc="A256GCM"),
        lambda: jwe.encrypt_json(b"x", [key_for("ECDH-ES", "P-256"), WRAP], enc="A256GCM"),
        lambda: jwe.encrypt_json(b"x", KEY, enc="A128GCM"),
        lambda: jwe.encrypt_json(b"x", KEY, enc="A128CBC-HS256"),  # a key of the same length
        lambda: jwe.encrypt_json(b"x", key_for("dir", None, "A256GCM"), enc="A128GCM"),
        lambda: jwe.encrypt_json(b"x", both, enc="A256GCM", header={"enc": "A128GCM"}),
        lambda: jwe.encrypt_json(b"x", WRAP, enc="A256GCM", header={"enc": "A128GCM"}),
        lambda: jwe.encrypt_json(b"x", both, enc="A256GCM", unprotected={"enc": "A256GCM"}),
        lambda: jwe.encrypt_json(b"x", Recipient(WRAP, header={"alg": "A128KW"}), enc="A256GCM"),
        lambda: jwe.encrypt_json(b"x", Recipient(WRAP, header={"kid": "else"}), enc="A256GCM"),
        lambda: jwe.encrypt_json(b"x", Recipient(WRAP, "dir"), enc="A256GCM"),
        lambda: jwe.encrypt_json(b"x", both, enc="A256GCM", header={"alg": "A128KW"}),
        lambda: jwe.encrypt_json(b"x", both, enc="A256GCM", header={"kid": "wrap"}),
        lambda: jwe.encrypt_json(b"x", WRAP, enc="A256GCM", unprotected={"alg": "A256KW"}),
        lambda: jwe.encrypt_json(b"x", WRAP, enc="A256GCM", header={"x": 1}, unprotected={"x": 1}),
        lambda: jwe.encrypt_json(b"x", Recipient(WRAP, header={"x": 1}), enc="A256GCM", unprotected={"x": 1}),
        lambda: jwe.encrypt_json(b"x", Recipient(WRAP, header={"x": 1}), enc="A256GCM", header={"x": 1}),
        lambda: jwe.encrypt_json(b"x", WRAP, enc="A256GCM", unprotected={"zip": "DEF"}),
        lambda: jwe.encrypt_json(b"x", Recipient(WRAP, header={"zip": "DEF"}), enc="A256GCM"),
        lambda: jwe.encrypt_json(b"x", WRAP, enc="A256GCM", header={"crit": ["x"], "x": 1}),
        lambda: jwe.encrypt_json(b"x", WRAP, enc="A256GCM", unprotected={"crit": ["x"], "x": 1}),
        lambda: jwe.encrypt_json(b"x", both, enc="A256GCM", header={"p2c": 1000}),
        lambda: jwe.encrypt_json(b"x", key_for("ECDH-ES", "P-256"), enc="A256GCM", header={"epk": {}}),
        lambda: jwe.encrypt_json(b"x", both, enc="A256GCM", unprotected={"iv": "AA"}),
        lambda: jwe.encrypt_json(b"x", Recipient(WRAP, header={"x": "y" * HEADER_BYTES_MAX}), enc="A256GCM"),
        lambda: jwe.encrypt_json(b"x", WRAP, enc="A256GCM", unprotected={"x": "y" * HEADER_BYTES_MAX}),
        lambda: jwe.encrypt_json(bytes(300_000), WRAP, enc="A256GCM", header={"zip": "DEF"}),
        lambda: jwe.encrypt_json(b"x", [password, Recipient(password)], enc="A256GCM"),
        lambda: jwe.encrypt_json(b"x", [password] * 64, enc="A256GCM", header={"p2c": PBES2_COUNT_MAX // 64 + 1}),
        lambda: jwe.encrypt_json(b"x", WRAP, enc="none"),
    ]
    for act in refused:
        with pytest.raises(ValueError, match=r"\w"):
            act()


def test_a_caller_who_passes_the_wrong_types() -> None:
    wrong: list[Callable[[], object]] = [
        lambda: jwe.encrypt_json("x", WRAP, enc="A256GCM"),  # type: ignore[arg-type]
        lambda: jwe.encrypt_json(b"x", b"secret", enc="A256GCM"),  # type: ignore[arg-type]
        lambda: jwe.encrypt_json(b"x", "secret", enc="A256GCM"),  # type: ignore[arg-type]
        lambda: jwe.encrypt_json(b"x", {WRAP}, enc="A256GCM"),  # type: ignore[arg-type]
        lambda: jwe.encrypt_json(b"x", [b"secret"], enc="A256GCM"),  # type: ignore[list-item]
        lambda: jwe.encrypt_json(b"x", None, enc="A256GCM"),  # type: ignore[arg-type]
        lambda: jwe.encrypt_json(b"x", JWKSet([WRAP]), enc="A256GCM"),  # type: ignore[arg-type]
        lambda: jwe.encrypt_json(b"x", WRAP, enc="A256GCM", aad="text"),  # type: ignore[arg-type]
        lambda: jwe.encrypt_json(b"x", WRAP, enc="A256GCM", aad=""),  # type: ignore[arg-type]
        lambda: jwe.encrypt_json(b"x", WRAP, enc="A256GCM", header=[("x", 1)]),  # type: ignore[arg-type]
        lambda: jwe.encrypt_json(b"x", WRAP, enc="A256GCM", unprotected="x"),  # type: ignore[arg-type]
        lambda: jwe.encrypt_json(b"x", WRAP, enc="A256GCM", unprotected={"x": {1}}),
        lambda: jwe.encrypt_json(b"x", WRAP, enc="A256GCM", unprotected={"x": "\ud800"}),
        lambda: Recipient(b"secret"),  # type: ignore[arg-type]
        lambda: Recipient(WRAP, header="x"),  # type: ignore[arg-type]
    ]
    for act in wrong:
        with pytest.raises(TypeError):
            act()


def test_two_passwords_share_the_iterations_of_one_token() -> None:
    """A receiver whose key has no kid tries both; so the sum is what a sender has to keep to."""
    first, second = (JWK.from_secret(text, alg="PBES2-HS256+A128KW") for text in (b"one", b"two"))
    to = [Recipient(key, header={"p2c": 1500}) for key in (first, second)]
    token = jwe.encrypt_json(b"x", to, enc="A128GCM")
    for index, key in enumerate((first, second)):
        assert jwe.decrypt_json(token, key, allow_pbes2=True).recipient == index


# ------------------------------------------------------------------------------------------ a stranger's JSON


FLAT = jwe.encrypt_json(b"octets", Recipient(WRAP, header={"x": 1}), enc="A256GCM", aad=b"a", flattened=True)
GENERAL = jwe.encrypt_json(b"octets", [WRAP, OTHER], enc="A256GCM", aad=b"a", unprotected={"u": 1})
WRONG_TYPES = [None, 5, 1.5, True, [], {}, ["a"], {"a": 1}]


@pytest.mark.parametrize("name", ["protected", "encrypted_key", "iv", "ciphertext", "tag", "aad"])
def test_texts_are_canonical_base64url(name: str) -> None:
    good = FLAT[name]
    spellings = [good + "=", good + "\n", " " + good, good[:-1] + "+", good + "!", "\u00e9", "\ud800", good + "\0"]
    for bad in (*WRONG_TYPES, *spellings, "A"):
        for token in [{**FLAT, name: bad}]:
            with pytest.raises(MalformedToken):
                jwe.decrypt_json(token, WRAP)
            with pytest.raises(MalformedToken):
                jwe.decrypt_json(json.dumps(token), WRAP)


@pytest.mark.parametrize("name", ["iv", "ciphertext", "tag"])
def test_what_a_token_must_have(name: str) -> None:
    for token in (FLAT, GENERAL):
        with pytest.raises(MalformedToken):
            jwe.decrypt_json({it: value for it, value in token.items() if it != name}, WRAP)


def test_an_empty_ciphertext_is_one() -> None:
    token = jwe.encrypt_json(b"", WRAP, enc="A256GCM")
    assert token["ciphertext"] == ""
    assert jwe.decrypt_json(token, WRAP).plaintext == b""


@pytest.mark.parametrize("name", ["header", "unprotected"])
def test_unprotected_headers_are_objects_of_json(name: str) -> None:
    cycle: Token = {}
    cycle["self"] = cycle
    deep: Any = []
    for _ in range(100_000):
        deep = [deep]
    odd = [cycle, {"x": deep}, {1: 2}, {"x": {1}}, {"x": (1,)}, {"x": b"y"}, {"kid": "\ud800"}, {"x": float("nan")}]
    odd += [{"x": 10**5000}, {"x": "y" * HEADER_BYTES_MAX}]
    for bad in (*(it for it in WRONG_TYPES if it not in ({}, {"a": 1})), "x", *odd):
        with pytest.raises(MalformedToken):
            jwe.decrypt_json({**FLAT, name: bad}, WRAP)
        if name == "header":
            with pytest.raises(MalformedToken):
                jwe.decrypt_json({**GENERAL, "recipients": [GENERAL["recipients"][0], {"header": bad}]}, WRAP)


def test_empty_members() -> None:
    """Authenticated ones must be absent: RFC 7516 7.2.1. Of a recipient they say nothing, and a peer writes them."""
    for bad in ({"protected": ""}, {"protected": b64url_encode(b"{}")}, {"aad": ""}):
        with pytest.raises(MalformedToken):
            jwe.decrypt_json({**FLAT, **bad}, WRAP)
    nothing = b64url_encode(b"{}")
    open_header = {"alg": "dir", "enc": "A256GCM"}
    iv, sealed = bytes(12), CONTENT_ENCRYPTIONS["A256GCM"].encryptor(KEY.raw.private)(bytes(12), b"x", nothing.encode())
    parts = {name: b64url_encode(it) for name, it in (("iv", iv), ("ciphertext", sealed[:-16]), ("tag", sealed[-16:]))}
    with pytest.raises(MalformedToken, match="left out"):
        jwe.decrypt_json({"protected": nothing, "header": open_header, **parts}, KEY)
    for key in (KEY, WRAP):
        token = jwe.encrypt_json(b"x", key, enc="A256GCM", flattened=True)
        empty = {"header": {}, "unprotected": {}, "encrypted_key": token.get("encrypted_key", "")}
        assert jwe.decrypt_json({**token, **empty}, key).unprotected == {}
        general = {name: token[name] for name in ("protected", "iv", "ciphertext", "tag")}
        part = {"header": {}, "encrypted_key": token.get("encrypted_key", "")}
        assert jwe.decrypt_json({**general, "recipients": [part]}, key).plaintext == b"x"
    direct = jwe.encrypt_json(b"x", KEY, enc="A256GCM")
    assert direct["recipients"] == [{}]


def test_members_that_nobody_knows_are_ignored() -> None:
    assert jwe.decrypt_json({**FLAT, "more": 1, "": None}, WRAP).plaintext == b"octets"
    assert jwe.decrypt_json({**FLAT, 5: 1}, WRAP).plaintext == b"octets"  # type: ignore[dict-item]
    parts = [{**it, "more": 1} for it in GENERAL["recipients"]]
    assert jwe.decrypt_json({**GENERAL, "recipients": parts}, OTHER).plaintext == b"octets"


@pytest.mark.parametrize("token", [None, 5, b"{}", [], [FLAT], "", "[]", "5", "{", "null", "x", "{}", {}, "a.b.c.d.e"])
def test_what_is_no_jwe_in_json(token: Any) -> None:
    with pytest.raises(MalformedToken):
        jwe.decrypt_json(token, WRAP)


def test_the_other_serialization_is_named() -> None:
    compact = jwe.encrypt(b"x", WRAP, enc="A256GCM")
    for token in (compact, compact.encode()):
        with pytest.raises(MalformedToken, match=r"jwe\.decrypt"):
            jwe.decrypt_json(token, WRAP)  # type: ignore[arg-type]


def test_what_is_returned_is_no_part_of_what_came() -> None:
    token = json.loads(json.dumps(GENERAL))
    token["unprotected"]["list"] = [1]
    before, key = json.dumps(token), fresh(WRAP)
    for _ in range(3):
        opened = jwe.decrypt_json(token, key)
        assert opened.unprotected["list"] == [1]
        opened.unprotected["list"].append(2)
        opened.header["enc"] = "spoilt"
    assert json.dumps(token) == before
    mine: Token = {"list": [1]}
    made = jwe.encrypt_json(b"x", WRAP, enc="A256GCM", unprotected=mine)
    made["unprotected"]["list"].append(2)
    assert mine == {"list": [1]}
