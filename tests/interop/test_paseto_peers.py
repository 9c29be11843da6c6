"""PASETO of another library: what pyseto writes is read here, and what is written here is read there."""

import json
import time
from datetime import UTC, datetime
from typing import Any

import pyseto
import pytest

from daypass.claims import ClaimsPolicy
from daypass.errors import Expired, TokenError
from daypass.paseto import paserk
from tests.paseto_keys import EVERY_KIND, issue, issue_claims, issuing, opening, read, read_claims

PAYLOADS = [b"", b"\0\xff", b'{"a":1}', bytes(range(256)) * 9]
FOOTERS = [b"", b"kid", b'{"kid":"1"}', b"\0\xff."]
IMPLICIT = [b"", b'{"user":7}', b"\0\xff"]


def theirs(key: Any) -> Any:
    return pyseto.Key.from_paserk(paserk.dump(key))


@EVERY_KIND
@pytest.mark.parametrize("footer", FOOTERS)
def test_bytes_go_both_ways(version: Any, purpose: str, footer: bytes) -> None:
    writing, reading = theirs(issuing(version, purpose)), theirs(opening(version, purpose))
    for payload in PAYLOADS:
        for implicit in IMPLICIT if version > 2 else [b""]:
            words = {"implicit_assertion": implicit} if implicit else {}
            token = pyseto.encode(writing, payload, footer=footer, **words).decode()
            assert token.startswith(f"v{version}.{purpose}.")
            opened = read(version, purpose, token, footer=footer, implicit=implicit)
            assert (opened.payload, opened.footer) == (payload, footer)
            if purpose == "public" and not payload:
                continue  # pyseto signs nothing at all, and does not verify it
            decoded = pyseto.decode(
                reading, issue(version, purpose, payload, footer=footer, implicit=implicit), **words
            )
            assert (decoded.payload, decoded.footer) == (payload, footer)
            assert (decoded.version, decoded.purpose) == (f"v{version}", purpose)


@EVERY_KIND
def test_another_assertion_or_footer_holds_on_neither_side(version: Any, purpose: str) -> None:
    writing, reading = theirs(issuing(version, purpose)), theirs(opening(version, purpose))
    words = {"implicit": b"a"} if version > 2 else {}
    ours = issue(version, purpose, b"x", footer=b"f", **words)
    token = pyseto.encode(writing, b"x", footer=b"f", **({"implicit_assertion": b"a"} if words else {})).decode()
    for bad in (ours.rpartition(".")[0], ours.rpartition(".")[0] + ".Zw"):
        with pytest.raises(pyseto.VerifyError if purpose == "public" else pyseto.DecryptError):
            pyseto.decode(reading, bad, **({"implicit_assertion": b"a"} if words else {}))
    for bad in (token.rpartition(".")[0], token.rpartition(".")[0] + ".Zw"):
        with pytest.raises(TokenError):
            read(version, purpose, bad, **words)
    if words:
        with pytest.raises(pyseto.VerifyError if purpose == "public" else pyseto.DecryptError):
            pyseto.decode(reading, ours, implicit_assertion=b"b")
        with pytest.raises(TokenError):
            read(version, purpose, token, implicit=b"b")


@EVERY_KIND
def test_claims_go_both_ways(version: Any, purpose: str) -> None:
    writing, reading = theirs(issuing(version, purpose)), theirs(opening(version, purpose))
    now_s, claims = int(time.time()), {"sub": "ü", "n": [1, {"a": None}], "aud": "a"}
    peer = pyseto.Paseto.new(exp=600, include_iat=True)
    token = peer.encode(writing, dict(claims), footer={"kid": "1"}, serializer=json).decode()
    found = read_claims(version, purpose, token, policy=ClaimsPolicy(audience="a", required=("exp", "iat")))
    exp, iat = found.pop("exp"), found.pop("iat")
    assert found == claims
    assert exp - iat == 600
    assert now_s <= iat <= now_s + 60

    ours = issue_claims(version, purpose, {**claims, "nbf": now_s - 5}, footer=b'{"kid":"1"}', lifetime_s=600)
    decoded = peer.decode(reading, ours, deserializer=json, aud="a")
    payload: Any = decoded.payload
    assert decoded.footer == {"kid": "1"}
    times = [datetime.fromisoformat(payload.pop(name)) for name in ("iat", "nbf", "exp")]
    assert all(it.tzinfo is not None for it in times)
    assert times[1] == datetime.fromtimestamp(now_s - 5, UTC)
    assert (times[2] - times[0]).total_seconds() == 600
    assert payload == claims


@EVERY_KIND
def test_an_expired_token_holds_on_neither_side(version: Any, purpose: str) -> None:
    writing, reading = theirs(issuing(version, purpose)), theirs(opening(version, purpose))
    token = pyseto.encode(writing, {"exp": "2020-01-01T00:00:00+00:00"}, serializer=json).decode()
    with pytest.raises(Expired) as raised:
        read_claims(version, purpose, token)
    assert raised.value.at == 1_577_836_800
    with pytest.raises(pyseto.VerifyError, match="expired"):
        pyseto.decode(reading, issue_claims(version, purpose, {"exp": 1_577_836_800}), deserializer=json)
