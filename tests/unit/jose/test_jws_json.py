"""JWS in JSON serialization: what is written, what is given back, and which mistakes of the caller are named."""

import json
from typing import Any

import msgspec
import pytest

from daypass import jws
from daypass.encoding import encode_json
from daypass.errors import (
    ConfigurationError,
    InvalidSignature,
    MalformedToken,
    TokenError,
    TokenTooLarge,
    UnknownKey,
    UnsupportedToken,
)
from daypass.jose.jwk import JWK
from daypass.jose.jwk_set import JWKSet
from daypass.limits import HEADER_BYTES_MAX, SIGNATURES_MAX, TOKEN_BYTES_MAX
from tests.security import forge

ALICE = JWK.from_secret(b"a" * 32, alg="HS256", kid="alice")
BOB = JWK.from_secret(b"b" * 64, alg="HS512", kid="bob")
CAROL = JWK.generate("EdDSA", kid="carol")
NAMELESS = JWK.from_secret(b"n" * 32, alg="HS256")
PLAIN = {"b64": False, "crit": ["b64"]}
BINARY = bytes(range(256))


def header_of(segment: str) -> dict[str, Any]:
    return json.loads(forge.unb64u(segment))


def names(verified: jws.VerifiedJWS) -> list[tuple[int, str | None]]:
    return [(held.index, held.key.kid) for held in verified.signatures]


# ------------------------------------------------------------------------------------------------------ shape


@pytest.mark.parametrize("payload", [b"", b"x", BINARY, bytearray(b"x"), memoryview(b"x")], ids=range(5))
def test_any_bytes_are_signed(payload: Any) -> None:
    general = jws.sign_json(payload, ALICE)
    flattened = jws.sign_json(payload, ALICE, flattened=True)
    assert general.keys() == {"payload", "signatures"}
    assert flattened.keys() == {"payload", "protected", "signature"}
    (only,) = general["signatures"]
    assert flattened == {"payload": general["payload"], **only}
    assert header_of(only["protected"]) == {"alg": "HS256", "kid": "alice"}
    for token in (general, flattened, json.dumps(general), json.dumps(flattened), f" {json.dumps(flattened)}\n"):
        verified = jws.verify_json(token, ALICE)
        assert (verified.payload, verified.header, verified.key) == (
            bytes(payload),
            header_of(only["protected"]),
            ALICE,
        )
        assert (verified.unprotected, names(verified)) == ({}, [(0, "alice")])


def test_compact_and_json_are_one_signature() -> None:
    head, body, signature = jws.sign(b"x", ALICE).split(".")
    flattened = jws.sign_json(b"x", ALICE, flattened=True)
    assert flattened == {"protected": head, "payload": body, "signature": signature}
    verified = jws.verify(f"{head}.{body}.{signature}", ALICE)
    assert verified == jws.verify_json(flattened, ALICE)
    assert names(verified) == [(0, "alice")]


def test_a_result_is_a_frozen_value() -> None:
    verified = jws.verify_json(jws.sign_json(b"x", ALICE), ALICE)
    for value, name in ((verified, "payload"), (verified.signatures[0], "key"), (jws.Signer(ALICE), "key")):
        with pytest.raises(AttributeError):
            setattr(value, name, None)


def test_several_sign_one_payload() -> None:
    token = jws.sign_json(b"x", [ALICE, jws.Signer(BOB, {"cty": "text/plain"}), CAROL])
    assert [header_of(it["protected"])["kid"] for it in token["signatures"]] == ["alice", "bob", "carol"]
    everyone = JWKSet([CAROL.public(), BOB, ALICE])
    for require in ("any", "all"):
        verified = jws.verify_json(token, everyone, require=require)  # type: ignore[arg-type]
        assert names(verified) == [(0, "alice"), (1, "bob"), (2, "carol")]
        assert verified.key is ALICE
        assert verified.signatures[1].header == {"alg": "HS512", "cty": "text/plain", "kid": "bob"}


def test_what_stands_beside_the_signature() -> None:
    signer = jws.Signer(ALICE, {"typ": "note"}, {"kid": "alice", "x": [1, {"y": None}]})
    token = jws.sign_json(b"x", signer, flattened=True)
    assert header_of(token["protected"]) == {"alg": "HS256", "typ": "note"}
    assert token["header"] == {"kid": "alice", "x": [1, {"y": None}]}
    verified = jws.verify_json(token, [ALICE, BOB])
    assert (verified.header, verified.unprotected) == ({"alg": "HS256", "typ": "note"}, token["header"])
    token["header"]["x"][1]["y"] = "changed"  # neither the signer nor the result is the caller's own list
    assert (signer.unprotected or {})["x"] == verified.unprotected["x"] == [1, {"y": None}]
    with_other = {**token, "header": {**token["header"], "x": "nobody signed this"}}
    assert jws.verify_json(with_other, ALICE).unprotected["x"] == "nobody signed this"


def test_no_protected_header_at_all() -> None:
    """RFC 7520 4.7: only where the caller takes an alg that nobody signed."""
    token = jws.sign_json(b"x", jws.Signer(ALICE, unprotected={"alg": "HS256", "kid": "alice"}), flattened=True)
    assert "protected" not in token
    for require in ("any", "all"):
        with pytest.raises(UnsupportedToken, match="allow_unprotected_alg=True") as raised:
            jws.verify_json(token, ALICE, require=require)  # type: ignore[arg-type]
        assert raised.value.alg == "HS256"
    verified = jws.verify_json(token, [ALICE, BOB], allow_unprotected_alg=True)
    assert (verified.header, verified.unprotected) == ({}, {"alg": "HS256", "kid": "alice"})
    with pytest.raises(UnsupportedToken):
        jws.verify_json(token, ALICE, allow_unprotected_alg=True, algs=("HS512",))


def test_members_that_the_rfc_does_not_name_are_ignored() -> None:
    token = jws.sign_json(b"x", [ALICE, BOB])
    token["signatures"][0] |= {"unknown": object(), "payload": "other"}
    odd: dict[Any, Any] = {**token, "unknown": [float("nan")], 5: "\ud800"}
    assert names(jws.verify_json(odd, [ALICE, BOB], require="all")) == [(0, "alice"), (1, "bob")]


# --------------------------------------------------------------------------------------------------- any, all


def test_any_passes_over_those_that_nobody_here_knows() -> None:
    token = jws.sign_json(b"x", [ALICE, BOB, CAROL])
    assert names(jws.verify_json(token, [BOB])) == [(1, "bob")]
    assert names(jws.verify_json(token, CAROL.public())) == [(2, "carol")]
    assert names(jws.verify_json(token, [ALICE, BOB, CAROL], algs=("HS512", "EdDSA"))) == [(1, "bob"), (2, "carol")]
    for keys, algs, error in (
        ([BOB], None, UnknownKey),
        (CAROL, None, UnsupportedToken),
        ([ALICE, BOB, CAROL], ("HS512", "EdDSA"), UnsupportedToken),
    ):
        with pytest.raises(error):
            jws.verify_json(token, keys, algs=algs, require="all")


def test_one_bad_signature_among_good_ones() -> None:
    token = jws.sign_json(b"x", [ALICE, BOB])
    token["signatures"][0]["signature"] = token["signatures"][1]["signature"]
    assert names(jws.verify_json(token, [ALICE, BOB])) == [(1, "bob")]
    with pytest.raises(InvalidSignature):
        jws.verify_json(token, [ALICE, BOB], require="all")


@pytest.mark.parametrize(
    "keys, error",
    [
        ([JWK.from_secret(b"x" * 32, alg="HS256", kid="alice")], InvalidSignature),  # one was tried
        ([JWK.from_secret(b"x" * 64, alg="HS512", kid="alice")], UnknownKey),  # alice by another alg, bob unknown
        ([JWK.from_secret(b"x" * 64, alg="HS512", kid="x")], UnknownKey),
        (JWK.generate("ES256"), UnsupportedToken),  # a single key is not asked for its name
    ],
    ids=range(4),
)
def test_the_most_telling_reason_where_none_holds(keys: Any, error: type[TokenError]) -> None:
    with pytest.raises(TokenError) as raised:
        jws.verify_json(jws.sign_json(b"x", [ALICE, jws.Signer(CAROL)]), keys)
    assert type(raised.value) is error


def test_a_critical_parameter_refuses_one_signature() -> None:
    token = jws.sign_json(b"x", [jws.Signer(ALICE, {"x": 1, "crit": ["x"]}), BOB])
    assert names(jws.verify_json(token, [ALICE, BOB])) == [(1, "bob")]
    assert names(jws.verify_json(token, [ALICE, BOB], crit=("x",))) == [(0, "alice"), (1, "bob")]
    for keys, require in (([ALICE], "any"), ([ALICE, BOB], "all")):
        with pytest.raises(UnsupportedToken) as raised:
            jws.verify_json(token, ALICE if len(keys) == 1 else keys, require=require)  # type: ignore[arg-type]
        assert raised.value.crit == "x"


def test_one_name_for_keys_of_two_types() -> None:
    """RFC 7520 4.8: the kid is shared, the alg tells them apart."""
    both = [JWK.generate("ES256", kid="shared"), JWK.generate("EdDSA", kid="shared")]
    token = jws.sign_json(b"x", both)
    verified = jws.verify_json(token, [key.public() for key in both], require="all")
    assert [held.key.kty for held in verified.signatures] == ["EC", "OKP"]


# ------------------------------------------------------------------------------------------ detached, unencoded


@pytest.mark.parametrize("header", [None, PLAIN, {"b64": True, "crit": ["b64"]}], ids=["", "b64 false", "b64 true"])
@pytest.mark.parametrize("payload", [b"", b"$.02", BINARY], ids=repr)
def test_a_payload_may_travel_on_its_own(payload: bytes, header: dict[str, Any] | None) -> None:
    signers = [jws.Signer(ALICE, header), jws.Signer(CAROL, header)]
    token = jws.sign_json(payload, signers, detached=True)
    assert token.keys() == {"signatures"}
    assert jws.verify_json(token, [ALICE, CAROL], payload=payload, require="all").payload == payload
    with pytest.raises(InvalidSignature):
        jws.verify_json(token, [ALICE, CAROL], payload=payload + b"\0")
    with pytest.raises(MalformedToken, match="payload="):
        jws.verify_json(token, [ALICE, CAROL])
    for whole in ({**token, "payload": ""}, {**token, "payload": forge.b64u(payload)}, {**token, "payload": None}):
        with pytest.raises(MalformedToken, match="holds one itself"):
            jws.verify_json(whole, [ALICE, CAROL], payload=payload)
    compact = jws.sign(payload, CAROL, header=header, detached=True)
    assert compact.split(".")[1] == ""
    assert jws.verify(compact, CAROL.public(), payload=payload).payload == payload


TEXTS = ["", "$.02", '\0\n"\\', "J\u00f8rgen \u6c34 \U0001f600 \u2028", "A" * 10_000]


@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
def test_an_unencoded_payload_is_the_text_itself(text: str) -> None:
    token = jws.sign_json(text.encode(), [jws.Signer(ALICE, PLAIN), jws.Signer(CAROL, PLAIN)])
    assert token["payload"] == text
    for given in (token, json.dumps(token), json.dumps(token, ensure_ascii=False)):
        verified = jws.verify_json(given, [ALICE, CAROL.public()], require="all")
        assert (verified.payload, verified.header["b64"]) == (text.encode(), False)
    for bad in ("x" + text, forge.b64u(text.encode()) + "=", 5, None, [text]):
        with pytest.raises((InvalidSignature, MalformedToken)):
            jws.verify_json({**token, "payload": bad}, [ALICE, CAROL])


def test_an_unencoded_payload_in_a_compact_token() -> None:
    """RFC 7797 5.2: printable ASCII but the dot."""
    good = bytes(octet for octet in range(0x20, 0x7F) if octet != 0x2E)
    for key in (ALICE, CAROL):
        token = jws.sign(good, key, header=PLAIN)
        assert token.split(".")[1] == good.decode()
        assert jws.verify(token, key).payload == good
        for octet in (*range(0x20), 0x2E, *range(0x7F, 0x100)):
            with pytest.raises(ValueError, match="detached=True"):
                jws.sign(bytes([octet]), key, header=PLAIN)
            detached = jws.sign(bytes([octet]), key, header=PLAIN, detached=True)
            assert jws.verify(detached, key, payload=bytes([octet])).payload == bytes([octet])
            inside = detached.replace("..", f".{chr(octet)}.")
            with pytest.raises(MalformedToken):
                jws.verify(inside, key)
    assert jws.verify(jws.sign(b"", ALICE, header=PLAIN), ALICE).payload == b""


def test_encoded_and_unencoded_are_two_tokens() -> None:
    """The text of an encoded payload does not become a payload by a word in the header."""
    encoded = jws.sign_json(b"x", ALICE, flattened=True)
    plain = jws.sign_json(b"eA", jws.Signer(ALICE, PLAIN), flattened=True)
    assert encoded["payload"] == plain["payload"]
    assert jws.verify_json(plain, ALICE).payload == b"eA"
    with pytest.raises(InvalidSignature):
        jws.verify_json({**plain, "protected": encoded["protected"]}, ALICE)
    with pytest.raises(InvalidSignature):
        jws.verify_json({**encoded, "protected": plain["protected"]}, ALICE)


# ----------------------------------------------------------------------------------------- mistakes of the caller


@pytest.mark.parametrize("payload", ["text", None, 5, {"sub": "u"}, [1]], ids=repr)
def test_a_payload_is_bytes(payload: Any) -> None:
    with pytest.raises(TypeError, match="takes claims"):
        jws.sign_json(payload, ALICE)
    token = jws.sign_json(b"x", ALICE, detached=True)
    if payload is not None:
        with pytest.raises(TypeError):
            jws.verify_json(token, ALICE, payload=payload)
        with pytest.raises(TypeError):
            jws.verify(jws.sign(b"x", ALICE, detached=True), ALICE, payload=payload)


@pytest.mark.parametrize(
    "signers", [None, b"secret" * 8, "secret", 5, {"kty": "oct"}, [None], [b"secret"], JWKSet([ALICE])]
)
def test_who_signs_is_a_key_or_a_signer(signers: Any) -> None:
    with pytest.raises(TypeError) as raised:
        jws.sign_json(b"x", signers)
    assert "secret" not in str(raised.value).replace("from_secret(secret", "")


@pytest.mark.parametrize(
    "make",
    [
        lambda: jws.Signer(CAROL.public()),
        lambda: jws.Signer(JWK.from_dict({"kty": "oct", "k": "A" * 43})),
        lambda: jws.Signer(JWK.from_dict({"kty": "oct", "k": "A" * 43, "alg": "HS256", "key_ops": ["verify"]})),
    ],
    ids=["public", "no alg", "key_ops"],
)
def test_a_signer_that_cannot_sign_is_refused_when_it_is_made(make: Any) -> None:
    with pytest.raises(ConfigurationError):
        make()


@pytest.mark.parametrize("header", [[], "alg", 5, [("a", 1)]], ids=repr)
def test_a_header_is_a_mapping(header: Any) -> None:
    for make in (lambda: jws.Signer(ALICE, header), lambda: jws.Signer(ALICE, None, header)):
        with pytest.raises(TypeError, match="mapping"):
            make()
    with pytest.raises(TypeError, match="mapping"):
        jws.sign(b"x", ALICE, header=header or [1])


@pytest.mark.parametrize(
    "header, unprotected, error",
    [
        ({"alg": "HS512"}, None, ValueError),
        ({"kid": "other"}, None, ValueError),
        (None, {"alg": "HS512"}, ValueError),
        (None, {"kid": "other"}, ValueError),
        ({"x": 1}, {"x": 1}, ValueError),
        ({"alg": "HS256"}, {"alg": "HS256"}, ValueError),
        ({"kid": "alice"}, {"kid": "alice"}, ValueError),
        (None, {"crit": ["b64"], "b64": False}, ValueError),
        ({"crit": ["b64"]}, {"b64": False}, ValueError),
        ({"crit": ["x"]}, {"x": 1}, ValueError),
        ({"b64": False}, None, ValueError),
        ({"b64": "false", "crit": ["b64"]}, None, ValueError),
        ({"b64": False, "x": 1, "crit": ["x"]}, None, ValueError),
        ({"crit": []}, None, ValueError),
        (None, {"typ": 5}, ValueError),
        (None, {"x": "y" * HEADER_BYTES_MAX}, ValueError),
        ({"x": "y" * HEADER_BYTES_MAX}, None, ValueError),
        (None, {"x": float("nan")}, TypeError),
        (None, {"x": b"bytes"}, TypeError),
        (None, {5: "x"}, TypeError),
        (None, {"x": "\ud800"}, TypeError),
        ({"x": "\ud800"}, None, TypeError),
        ({"kid": "\ud800"}, None, (TypeError, ConfigurationError)),
        ({"x": (1,)}, None, TypeError),
    ],
    ids=range(24),
)
def test_what_no_verifier_would_take_is_not_signed(header: Any, unprotected: Any, error: Any) -> None:
    for flattened in (False, True):
        with pytest.raises(error):
            jws.sign_json(b"x", jws.Signer(ALICE, header, unprotected), flattened=flattened)


def test_counts_and_sizes() -> None:
    for signers in ([], (), [ALICE] * (SIGNATURES_MAX + 1)):
        with pytest.raises(ValueError, match=f"1 to {SIGNATURES_MAX}"):
            jws.sign_json(b"x", signers)
    assert len(jws.verify_json(jws.sign_json(b"x", [ALICE] * SIGNATURES_MAX), ALICE, require="all").signatures) == 64
    with pytest.raises(ValueError, match="flattened"):
        jws.sign_json(b"x", [ALICE, BOB], flattened=True)
    assert jws.sign_json(b"x", [ALICE], flattened=True) == jws.sign_json(b"x", ALICE, flattened=True)
    with pytest.raises(ValueError, match="disagree"):
        jws.sign_json(b"x", [ALICE, jws.Signer(BOB, PLAIN)])
    with pytest.raises(ValueError, match="longer than"):
        jws.sign_json(b"x" * TOKEN_BYTES_MAX, ALICE)
    with pytest.raises(ValueError, match="UTF-8"):
        jws.sign_json(BINARY, jws.Signer(ALICE, PLAIN))
    huge = b"\0" * (2 * TOKEN_BYTES_MAX)
    for header in (None, PLAIN):  # a detached payload is not part of the token
        token = jws.sign_json(huge, jws.Signer(ALICE, header), detached=True)
        assert jws.verify_json(token, ALICE, payload=huge).payload == huge


def test_the_size_of_a_token_is_bounded_exactly() -> None:
    token = jws.sign_json(b"x", jws.Signer(ALICE, PLAIN), flattened=True)
    room = TOKEN_BYTES_MAX - len(encode_json(token)) + 1
    longest = jws.sign_json(b"x" * room, jws.Signer(ALICE, PLAIN), flattened=True)
    text = encode_json(longest).decode()
    assert len(text) == TOKEN_BYTES_MAX
    assert len(jws.verify_json(text, ALICE).payload) == len(jws.verify_json(longest, ALICE).payload) == room
    with pytest.raises(TokenTooLarge):
        jws.verify_json(text + " ", ALICE)
    with pytest.raises(ValueError, match="longer than"):
        jws.sign_json(b"x" * (room + 1), jws.Signer(ALICE, PLAIN), flattened=True)


def test_a_compact_token_is_told_where_it_belongs() -> None:
    with pytest.raises(MalformedToken, match=r"jws\.verify takes"):
        jws.verify_json(jws.sign(b"x", ALICE), ALICE)


@pytest.mark.parametrize("require", [None, "", "some", "ANY", 1, True, ["any"], 2], ids=repr)
def test_require_is_one_of_two_words(require: Any) -> None:
    with pytest.raises(ValueError, match="'any' or 'all'"):
        jws.verify_json(jws.sign_json(b"x", ALICE), ALICE, require=require)


def test_what_could_never_verify_is_a_mistake() -> None:
    token = jws.sign_json(b"x", ALICE)
    for words in ({"algs": ()}, {"algs": ("none",)}):
        with pytest.raises(ValueError):  # noqa: PT011
            jws.verify_json(token, ALICE, **words)  # type: ignore[arg-type]
    for words in ({"algs": "HS256"}, {"crit": "x"}, {"crit": b"x"}, {"crit": 5}):
        with pytest.raises(TypeError):
            jws.verify_json(token, ALICE, **words)  # type: ignore[arg-type]
    for keys in (None, b"secret", {"kty": "oct"}):
        with pytest.raises((TypeError, ValueError)):
            jws.verify_json(token, keys)  # type: ignore[arg-type]


def test_a_signer_shows_no_key() -> None:
    signer = jws.Signer(JWK.from_secret(b"very secret indeed, more than 32 b", alg="HS256"), {"x": 1})
    assert "very secret" not in repr(signer)
    with pytest.raises(TypeError):
        msgspec.json.encode(signer)
