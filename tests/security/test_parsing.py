"""ATTACKS 3.3: what a stranger writes is read strictly, within bounds, and once."""

import json
import time
import tracemalloc
from contextlib import nullcontext
from typing import Any

import pytest

from daypass import jwe, jws, jwt
from daypass.claims import ClaimsPolicy
from daypass.encoding import parse_object
from daypass.errors import (
    ClaimError,
    Expired,
    InvalidSignature,
    KeyFormatError,
    MalformedToken,
    TokenTooLarge,
    UnsupportedToken,
)
from daypass.jose.jwk import JWK
from daypass.jose.jwk_set import JWKSet
from daypass.tokens.verifier import Verifier
from tests.security import forge
from tests.security.forge import POLICY, b64u, refused

HEADER = b'{"alg":"HS256","typ":"JWT"}'
IN_THE_NAME_OF = b'"iss":"%b","aud":"%b","exp":2000000000' % (forge.ISSUER.encode(), forge.AUDIENCE.encode())


def payload_with(members: bytes) -> bytes:
    """A payload that holds, and these members, as they are written."""
    return b"{" + IN_THE_NAME_OF + b"," + members + b"}"


@pytest.mark.parametrize(
    "header",
    [
        b'{"alg":"none","alg":"HS256"}',
        b'{"alg":"HS256","alg":"HS256"}',
        b'{"alg":"HS256","\\u0061lg":"HS256"}',
        b'{"alg":"HS256","jwk":{"kty":"oct","kty":"oct"}}',
        b'{"alg":"HS256","x":[{"a":1,"a":1}]}',
        b'{"alg":"HS256","":1,"":2}',
    ],
)
def test_C01_a_header_has_no_member_twice(header: bytes) -> None:
    refused(forge.token(header), MalformedToken)


@pytest.mark.parametrize(
    "members",
    [
        b'"exp":2000000001',
        b'"sub":"a","sub":"b"',
        b'"sub":"a","s\\u0075b":"a"',
        b'"a":{"b":1,"b":1}',
        b'"a":[[{"b":1,"b":2}]]',
        b'"a":1.0,"a":1',
        '"\u00e9":1,"\\u00e9":1'.encode(),
    ],
)
def test_C01_claims_have_no_member_twice(members: bytes) -> None:
    refused(forge.token(HEADER, payload_with(members)), MalformedToken, as_jws=False)


def test_C01_a_jwk_has_no_member_twice() -> None:
    k = b64u(forge.SECRET)
    for text in (f'{{"kty":"oct","k":"{k}","k":"{k}"}}', f'{{"kty":"RSA","kty":"oct","k":"{k}"}}'):
        with pytest.raises(KeyFormatError):
            JWK.from_json(text)
        with pytest.raises(KeyFormatError):
            JWKSet.from_json(f'{{"keys":[{text}]}}')


DEEP = {"lists": b"[" * 100_000, "closed lists": b"[" * 50_000 + b"]" * 50_000, "objects": b'{"a":' * 100_000}


@pytest.mark.parametrize("nested", DEEP.values(), ids=DEEP)
def test_C02_deep_nesting(nested: bytes) -> None:
    key = forge.jwk("HS256")
    refused(forge.token(nested), TokenTooLarge, as_jws=False)
    with pytest.raises(MalformedToken):  # a header has its own bound
        jws.verify(forge.token(nested), key)
    refused(forge.token(b'{"alg":"HS256","a":' + nested[:6000]), MalformedToken)
    for payload in (nested, payload_with(b'"a":' + nested)):
        for verify in (jwt.verify, Verifier(key, issuer="i", audience="a", typ="JWT", bytes_max=10**7).verify):
            with pytest.raises(MalformedToken):
                verify(
                    forge.token(HEADER, payload), **({"keys": key, "bytes_max": 10**7} if verify is jwt.verify else {})
                )
    refused(forge.token(HEADER, payload_with(b'"a":' + nested[:8000])), MalformedToken, as_jws=False)
    for text in (nested, b'{"kty":"oct","k":"AAAA","x":' + nested):
        with pytest.raises(KeyFormatError):
            JWK.from_json(text)
        with pytest.raises(KeyFormatError):
            JWKSet.from_json(text)


def test_C02_deep_values_in_a_dict_that_is_loaded() -> None:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    assert JWK.from_dict({"kty": "oct", "k": b64u(forge.SECRET), "x": deep}).kty == "oct"
    with pytest.raises(KeyFormatError):
        JWK.from_dict({"kty": "oct", "k": deep})


@pytest.mark.parametrize(
    "number, error",
    [
        (b"9" * 6000, MalformedToken),
        (b"-" + b"9" * 6000, MalformedToken),
        (b"1e400", MalformedToken),
        (b"-1e400", MalformedToken),
        (b"1" + b"0" * 400 + b".0", MalformedToken),
        (b"NaN", MalformedToken),
        (b"Infinity", MalformedToken),
        (b"-Infinity", MalformedToken),
        (b"nan", MalformedToken),
        (b"01", MalformedToken),
        (b"+1", MalformedToken),
        (b"1.", MalformedToken),
        (b".5", MalformedToken),
        (b"0x7fffffff", MalformedToken),
        (b"1_000_000_000_000", MalformedToken),
        (b"2e9 ", "accepted"),
        (b"2e9", "accepted"),
        (b"2000000000.5", "accepted"),
        (b"20E8", "accepted"),
        (b"-0", Expired),
        (b"-0.0", Expired),
        (b"0", Expired),
        (b"1E3", Expired),
        (b"1.5", Expired),
        (b"5e-324", Expired),
        (b"-2000000000", Expired),
        (b"9223372036854775808", ClaimError),
        (b"18446744073709551616", ClaimError),
        (b"1" + b"0" * 400, ClaimError),
        (b"1e308", ClaimError),
        (b"-1e308", ClaimError),
        (b"253402300800", ClaimError),
        (b"253402300799", "accepted"),
    ],
    ids=lambda it: it[:24].decode() if isinstance(it, bytes) else "",
)
def test_C03_numbers_as_exp(number: bytes, error: Any) -> None:
    payload = b'{"iss":"%b","aud":"%b","exp":%b}' % (forge.ISSUER.encode(), forge.AUDIENCE.encode(), number)
    refused(forge.token(HEADER, payload), error, as_jws=False)


@pytest.mark.parametrize("number", [b"9" * 6000, b"1e400", b"NaN", b"Infinity", b"-Infinity"], ids=len)
@pytest.mark.parametrize("name", [b"nbf", b"iat", b"n"])
def test_C03_numbers_anywhere(name: bytes, number: bytes) -> None:
    refused(forge.token(HEADER, payload_with(b'"%b":%b' % (name, number))), MalformedToken, as_jws=False)
    refused(forge.token(b'{"alg":"HS256","%b":%b}' % (name, number)), MalformedToken)


@pytest.mark.parametrize("number", [b"9" * 6000, b"1e400", b"NaN", b"Infinity", b"-Infinity", b"01"], ids=len)
def test_C03_numbers_in_a_key(number: bytes) -> None:
    k = b64u(forge.SECRET).encode()
    for text in (b'{"kty":"oct","k":"%b","x":%b}' % (k, number), b'{"kty":"oct","k":%b}' % number):
        with pytest.raises(KeyFormatError):
            JWK.from_json(text)
        with pytest.raises(KeyFormatError):
            JWKSet.from_json(b'{"keys":[%b]}' % text)


@pytest.mark.parametrize("value", [2**63, 2**64, -(2**63) - 1, 10**400, 1.5, -0.0, 1e308, 5e-324, 0.1])
def test_C03_a_number_is_read_as_it_was_written(value: float) -> None:
    made = forge.token(HEADER, payload_with(b'"n":' + json.dumps(value).encode()))
    for name, verify in forge.ways(forge.jwk("HS256")):
        if name != "jws.verify":
            assert repr(verify(made)["n"]) == repr(value)


def in_other_encodings(text: str) -> dict[str, bytes]:
    raw = text.encode()
    return {
        "UTF-16": text.encode("utf-16"),
        "UTF-16LE": text.encode("utf-16-le"),
        "UTF-16BE": text.encode("utf-16-be"),
        "UTF-32": text.encode("utf-32"),
        "UTF-32BE": text.encode("utf-32-be"),
        "byte order mark": b"\xef\xbb\xbf" + raw,
        "Latin-1": raw.replace(b'"JWT"', b'"JWT","x":"\xe9"'),
        "a byte that no UTF-8 has": raw.replace(b'"JWT"', b'"JWT","x":"\xff"'),
        "a lone continuation": raw.replace(b'"JWT"', b'"JWT","x":"\x80"'),
        "cut short": raw.replace(b'"JWT"', b'"JWT","x":"\xe2\x82"'),
        "overlong NUL": raw.replace(b'"JWT"', b'"JWT","x":"\xc0\x80"'),
        "overlong quote": raw.replace(b'"JWT"', b'"JWT","x":"\xc0\xa2"'),
        "surrogate in UTF-8": raw.replace(b'"JWT"', b'"JWT","x":"\xed\xa0\x80"'),
        "lone surrogate": raw.replace(b'"JWT"', b'"JWT","x":"\\ud800"'),
        "lone low surrogate": raw.replace(b'"JWT"', b'"JWT","x":"\\udc00"'),
        "reversed surrogates": raw.replace(b'"JWT"', b'"JWT","x":"\\udc00\\ud800"'),
        "surrogate in a name": raw.replace(b'"JWT"', b'"JWT","\\ud800":1'),
        "beyond Unicode": raw.replace(b'"JWT"', b'"JWT","x":"\xf4\x90\x80\x80"'),
        "control character": raw.replace(b'"JWT"', b'"JWT","x":"\n"'),
        "NUL": raw.replace(b'"JWT"', b'"JWT","x":"\0"'),
        "NUL behind": raw + b"\0",
        "comment": raw.replace(b'"JWT"', b'"JWT"/* */'),
        "comma too many": raw.replace(b'"JWT"', b'"JWT",'),
        "single quotes": raw.replace(b'"', b"'"),
        "two objects": raw + raw,
        "vertical tab": b"\x0b" + raw,
        "no-break space": b"\xc2\xa0" + raw,
    }


@pytest.mark.parametrize("encoding", in_other_encodings(""))
def test_C04_json_is_utf8(encoding: str) -> None:
    refused(forge.token(in_other_encodings(HEADER.decode())[encoding]), MalformedToken)
    payload = "{" + IN_THE_NAME_OF.decode() + ',"typ":"JWT"}'
    raw = in_other_encodings(payload)[encoding]
    refused(forge.token(HEADER, raw), MalformedToken, as_jws=False)
    with pytest.raises(KeyFormatError):
        JWK.from_json(in_other_encodings(f'{{"kty":"oct","typ":"JWT","k":"{b64u(forge.SECRET)}"}}')[encoding])


@pytest.mark.parametrize("top", [b"[]", b'["alg"]', b'"HS256"', b"null", b"1", b"true", b"", b" ", b"[{}]", b"{", b"x"])
def test_C05_the_top_is_an_object(top: bytes) -> None:
    refused(forge.token(top), MalformedToken)
    refused(forge.token(HEADER, top), MalformedToken, as_jws=False)
    for load in (JWK.from_json, JWKSet.from_json):
        with pytest.raises(KeyFormatError):
            load(top)


def test_C05_a_set_is_an_object_with_a_list_of_objects() -> None:
    for jwks in ([], None, "x", {}, {"keys": None}, {"keys": {}}, {"keys": "x"}, {"keys": [5]}, {"keys": [None]}):
        with pytest.raises(KeyFormatError):
            JWKSet.from_dict(jwks)  # type: ignore[arg-type]


def test_C06_a_long_token_is_refused_before_any_work() -> None:
    huge = "A" * 30_000_000
    for bad in (huge, forge.token() + huge, huge + "." + huge[:10] + ".", "." * 30_000_000, "\u00e9" * 10_000_000):
        begun = time.perf_counter()
        tracemalloc.start()
        try:
            refused(bad, TokenTooLarge)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert time.perf_counter() - begun < 1
        assert peak < 1_000_000


def test_C06_bounds_are_exact() -> None:
    key = forge.jwk("HS256")
    token = forge.token(HEADER, payload_with(b'"x":"' + b"y" * 12_000 + b'"'))
    for bytes_max, expected in ((len(token), "accepted"), (len(token) - 1, TokenTooLarge)):
        verify = Verifier(key, issuer=forge.ISSUER, audience=forge.AUDIENCE, typ="JWT", bytes_max=bytes_max).verify
        assert forge.outcome(verify, token) == expected
        with nullcontext() if expected == "accepted" else pytest.raises(TokenTooLarge):
            jwt.verify(token, key, policy=POLICY, bytes_max=bytes_max)
    refused(forge.token(HEADER, payload_with(b'"x":"' + b"y" * 16_384 + b'"')), TokenTooLarge, as_jws=False)
    with pytest.raises(TokenTooLarge):
        jws.verify(forge.token(HEADER, b"y" * 1024 * 1024), key)
    with pytest.raises(ValueError, match="longer than"):
        jws.sign(b"y" * 1024 * 1024, key)
    assert jws.verify(jws.sign(b"y" * 700_000, key), key).payload == b"y" * 700_000


def test_C06_a_long_header_is_refused() -> None:
    refused(forge.token({"alg": "HS256", "typ": "JWT", "x": "y" * 10_000}), MalformedToken)
    refused(forge.token({"alg": "HS256", "typ": "JWT", "x": "y" * 900_000}), TokenTooLarge, as_jws=False)
    with pytest.raises(MalformedToken):
        jws.verify(forge.token({"alg": "HS256", "x": "y" * 700_000}), forge.jwk("HS256"))
    with pytest.raises(ValueError, match="header"):
        jws.sign(b"", forge.jwk("HS256"), header={"x": "y" * 10_000})


@pytest.mark.parametrize(
    "bad",
    [
        forge.token(secret=b"x" * 32),
        forge.token({"alg": "SECRETALG", "typ": "JWT"}),
        forge.token({"alg": "HS256", "typ": "SECRETTYP"}),
        forge.token({"alg": "HS256", "typ": "JWT", "crit": ["SECRETCRIT"], "SECRETCRIT": 1}),
        forge.token(HEADER, payload_with(b'"sub":["SECRETSUB"]')),
        forge.token(None, forge.claims(iss="SECRETISS")),
        forge.token(None, forge.claims(aud="SECRETAUD")),
        "SECRET" * 10_000,
        "SECRET" * 10,
    ],
    ids=range(9),
)
def test_C06_no_message_echoes_the_token(bad: str) -> None:
    for name, verify in forge.ways(forge.jwk("HS256")):
        try:
            verify(bad)
        except Exception as raised:  # noqa: BLE001 - the text of whatever it is
            for text in (str(raised), repr(raised), raised.hint, raised.public_message):  # type: ignore[attr-defined]
                assert "SECRET" not in text
                assert not any(segment in text for segment in bad.split(".") if len(segment) > 8)
        else:
            assert name == "jws.verify"


CRITS = {
    "empty": ([], MalformedToken),
    "a string": ("x", MalformedToken),
    "null": (None, MalformedToken),
    "an object": ({"x": 1}, MalformedToken),
    "a number": (1, MalformedToken),
    "not strings": ([1], MalformedToken),
    "null inside": (["x", None], MalformedToken),
    "a list inside": ([["x"]], MalformedToken),
    "twice": (["x", "x"], MalformedToken),
    "alg": (["alg"], MalformedToken),
    "typ": (["typ"], MalformedToken),
    "crit": (["crit"], MalformedToken),
    "kid, absent": (["kid"], MalformedToken),
    "absent": (["y"], MalformedToken),
    "one absent": (["x", "y"], MalformedToken),
    "the empty name": ([""], MalformedToken),
    "unknown": (["x"], UnsupportedToken),
    "many": (["x"] * 500, MalformedToken),
}


@pytest.mark.parametrize("crit, error", CRITS.values(), ids=CRITS)
def test_C07_crit(crit: Any, error: Any) -> None:
    header = {"alg": "HS256", "typ": "JWT", "x": 1, "crit": crit}
    refused(forge.token(header), error)
    if error is MalformedToken:  # even for who understands x
        with pytest.raises(MalformedToken):
            jws.verify(forge.token(header), forge.jwk("HS256"), crit=("x", "y", "alg", "typ", "crit", "kid", ""))
        with pytest.raises(ValueError):  # noqa: PT011 - and nobody here signs it
            jws.sign(b"", forge.jwk("HS256"), header={"x": 1, "crit": crit})


def test_C07_a_caller_who_understands_a_parameter_gets_it() -> None:
    header = {"alg": "HS256", "x": 1, "crit": ["x"]}
    key = forge.jwk("HS256")
    assert jws.verify(forge.token(header), key, crit=("x",)).header == header
    with pytest.raises(UnsupportedToken) as raised:
        jws.verify(forge.token(header), key, crit=("X", "xx"))
    assert raised.value.crit == "x"
    with pytest.raises(TypeError):
        jws.verify(forge.token(header), key, crit="xyz")


def test_C07_a_header_that_verified_before_is_checked_again_elsewhere() -> None:
    """Who understands x does not do so for the others: nothing is remembered across calls."""
    token = forge.token({"alg": "HS256", "typ": "JWT", "x": 1, "crit": ["x"]})
    key = JWK.from_secret(forge.SECRET, alg="HS256")
    assert jws.verify(token, key, crit=("x",))
    refused(token, UnsupportedToken, key)


@pytest.mark.parametrize("b64", [False, True, "false", 0, None, []], ids=repr)
def test_C08_b64_needs_crit_and_is_not_for_a_jwt(b64: Any) -> None:
    refused(forge.token({"alg": "HS256", "typ": "JWT", "b64": b64}), MalformedToken)
    named = forge.token({"alg": "HS256", "typ": "JWT", "b64": b64, "crit": ["b64"]})
    if isinstance(b64, bool):  # a JWS may have it, see test_json_serialization
        refused(named, UnsupportedToken, as_jws=False)
        assert jws.verify(named, forge.jwk("HS256")).header["b64"] is b64
    else:
        refused(named, MalformedToken)
        with pytest.raises(MalformedToken):  # not even where a caller claims to understand it
            jws.verify(named, forge.jwk("HS256"), crit=("b64",))
    for header in ({"b64": b64}, {"b64": b64, "crit": ["b64"]}):
        with pytest.raises(ValueError):  # noqa: PT011
            jwt.sign({}, forge.jwk("HS256"), header=header)
        if not isinstance(b64, bool) or "crit" not in header:
            with pytest.raises(ValueError):  # noqa: PT011
                jws.sign(b"", forge.jwk("HS256"), header=header)


def test_C08_a_detached_payload_has_an_empty_segment() -> None:
    key = forge.jwk("HS256")
    detached = jws.sign(b"payload", key, detached=True)
    assert jws.verify(detached, key, payload=b"payload").payload == b"payload"
    attached = jws.sign(b"payload", key)
    for payload in (b"payload", b"", b"other"):
        with pytest.raises(MalformedToken):
            jws.verify(attached, key, payload=payload)
    with pytest.raises(InvalidSignature):
        jws.verify(detached, key, payload=b"other")
    with pytest.raises(InvalidSignature):
        jws.verify(detached, key)
    with pytest.raises(InvalidSignature):
        jwt.verify(detached, key)


def test_C09_a_polyglot_of_compact_and_json() -> None:
    """CVE-2022-39227: one text, two readings."""
    head, body, mac = forge.token().split(".")
    forged = b64u(forge.octets(forge.claims(sub="admin")))
    for name in (f"  {head}.{forged}.{mac}", f"{head}.{forged}.", f"{head}.{body}.{mac}"):
        bad = json.dumps({name: "", "protected": head, "payload": body, "signature": mac})
        refused(bad, MalformedToken)
        refused(bad.encode(), MalformedToken)


def around(token: str) -> dict[str, str]:
    return {
        "space before": f" {token}",
        "space behind": f"{token} ",
        "newline before": f"\n{token}",
        "newline behind": f"{token}\n",
        "CRLF behind": f"{token}\r\n",
        "a header behind": f"{token}\r\nSet-Cookie: a=b",
        "tab": f"\t{token}",
        "NUL behind": f"{token}\0",
        "byte order mark": f"\ufeff{token}",
        "Bearer": f"Bearer {token}",
        "bearer": f"bearer {token}",
        "JWT": f"JWT {token}",
        "quotes": f'"{token}"',
        "comma": f"{token},{token}",
        "semicolon": f"{token};",
        "percent": token.replace(".", "%2E"),
        "full stop of another script": token.replace(".", "\u3002"),
    }


@pytest.mark.parametrize("what", around(""))
def test_C12_nothing_stands_around_a_token(what: str) -> None:
    token = forge.token()
    refused(around(token)[what], MalformedToken, good=token)


@pytest.mark.parametrize("what", around(""))
def test_C12_nor_around_an_encrypted_one(what: str) -> None:
    box, signer = JWK.generate("A256GCM", kid="box"), forge.jwk("HS256")
    plain, nested = jwt.encrypt({}, box), jwt.sign_then_encrypt({}, signer, box)
    for token, decrypt in (
        (plain, lambda it: jwe.decrypt(it, box)),
        (plain, lambda it: jwt.decrypt(it, box)),
        (nested, lambda it: jwt.decrypt_then_verify(it, box, signer)),
    ):
        for _ in range(2):  # the second time under a header that has decrypted
            assert forge.outcome(decrypt, around(token)[what]) is MalformedToken
            assert decrypt(token)


@pytest.mark.parametrize(
    "bad", [None, b"", 5, 5.0, True, [], {}, "", "a", "..", b"a.b.c", bytearray(b"a.b.c")], ids=repr
)
def test_C12_what_is_no_token_is_refused_as_one(bad: Any) -> None:
    refused(bad, MalformedToken)
    refused(forge.token().encode(), MalformedToken)
    refused(object(), MalformedToken)


def test_the_bounds_of_the_slow_parse_hold() -> None:
    """The second parse, which looks for duplicates, refuses what the first one refuses."""
    for raw in (b'{ "a":' + b"[" * 100_000 + b"]" * 100_000 + b"}", b'{ "a":' + b"9" * 5000 + b"}"):
        with pytest.raises(MalformedToken):
            parse_object(raw)
    assert jwt.verify(forge.token(HEADER, b'{ "exp" : 2e9 }'), forge.jwk("HS256"), policy=ClaimsPolicy(typ="JWT")) == {
        "exp": 2e9
    }
