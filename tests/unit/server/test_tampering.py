"""A touched token is 401, whatever was touched: every bit, the algorithm, the key, the spelling."""

import base64
import hashlib
import hmac
import json
from typing import Any

import pytest

from daypass.jose.jwk import JWK
from daypass.tokens.issuer import Issuer
from tests.unit.server.client import Client

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def b64url(data: bytes | dict[str, Any]) -> str:
    raw = data if isinstance(data, bytes) else json.dumps(data, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def decoded(part: str) -> dict[str, Any]:
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


@pytest.fixture
def access(client: Client) -> str:
    return client.login()["access_token"]


def statuses(client: Client, tokens: list[str]) -> set[int]:
    """Send each token, and tell which answers there were."""
    asked = [
        ("GET", "/v1/session", {"headers": {b"authorization": b"Bearer " + token.encode("latin-1")}})
        for token in tokens
    ]
    answers = [answer for start in range(0, len(asked), 64) for answer in client.together(*asked[start : start + 64])]
    assert all(answer.headers["content-type"] == "application/problem+json" for answer in answers)
    assert all('error="invalid_token"' in answer.headers["www-authenticate"] for answer in answers)
    return {answer.status_code for answer in answers}


def test_one_bit_anywhere(client: Client, access: str) -> None:
    flipped = [
        access[:at] + chr(ord(access[at]) ^ 1 << bit) + access[at + 1 :]
        for at in range(len(access))
        for bit in range(8)
    ]
    assert len(set(flipped)) == len(access) * 8
    assert statuses(client, flipped) == {401}
    assert client("GET", "/v1/session", access).status_code == 200


def test_one_character_more_or_less(client: Client, access: str) -> None:
    shorter = [access[:at] + access[at + 1 :] for at in range(len(access)) if access[at : at + 2] != access[at] * 2]
    longer = [access + more for more in (*ALPHABET, "=", "==", ".", "..", ".x", "\xe9")]
    cut = [access[:at] for at in range(1, len(access), 7)]
    assert statuses(client, [*shorter, *longer, *cut, "." + access, "x" + access]) == {401}


def test_another_spelling_of_the_same_bytes(client: Client, access: str) -> None:
    parts = access.split(".")
    spelled = []
    for index, part in enumerate(parts):
        raw = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
        variants = [part + "=" * (-len(part) % 4 or 4), part + "="]
        variants += [
            part[:-1] + last
            for last in ALPHABET
            if last != part[-1] and base64.urlsafe_b64decode(part[:-1] + last + "=" * (-len(part) % 4)) == raw
        ]
        variants += [part.replace("-", "+").replace("_", "/"), part[:4] + "%41" + part[4:], part[:4] + "\t" + part[4:]]
        spelled += [".".join([*parts[:index], variant, *parts[index + 1 :]]) for variant in variants if variant != part]
    assert len(spelled) > 10
    assert statuses(client, spelled) == {401}


def test_other_claims_under_the_same_signature(client: Client, access: str) -> None:
    header, payload, signature = access.split(".")
    claims = decoded(payload)
    changed = [
        claims | {"roles": ["admin"]},
        claims | {"sub": "administrator"},
        claims | {"exp": 2**33},
        claims | {"sid": "A" * 22},
        {},
    ]
    assert statuses(client, [f"{header}.{b64url(other)}.{signature}" for other in changed]) == {401}


def test_another_algorithm(client: Client, access: str) -> None:
    header, payload, signature = access.split(".")
    named = decoded(header)
    (published,) = client("GET", "/.well-known/jwks.json").json()["keys"]
    public = [
        base64.urlsafe_b64decode(published["x"] + "="),
        published["x"].encode(),
        json.dumps(published).encode(),
        json.dumps(published, separators=(",", ":"), sort_keys=True).encode(),
    ]
    tokens = []
    for alg in ("none", "None", "NONE", "nOnE", "", "HS256", "RS256", "ES256", "Ed25519", "HS512", None, 1):
        other = b64url(named | {"alg": alg})
        tokens += [f"{other}.{payload}.{signature}", f"{other}.{payload}."]
    for secret in public:  # the public key as an HMAC secret
        signed = f"{b64url(named | {'alg': 'HS256'})}.{payload}"
        tokens.append(f"{signed}.{b64url(hmac.digest(secret, signed.encode(), hashlib.sha256))}")
    tokens += [
        f"{b64url({'alg': 'none', 'typ': 'at+jwt'})}.{payload}.",
        f"{payload}.{signature}",
        f"..{signature}",
        "..",
        ".",
    ]
    assert statuses(client, tokens) == {401}


def test_another_key_under_the_same_name(client: Client, access: str) -> None:
    header, payload, _ = access.split(".")
    kid = decoded(header)["kid"]
    claims = {name: value for name, value in decoded(payload).items() if name not in {"iss", "aud", "iat", "exp"}}
    forged = [
        Issuer(JWK.generate(alg, kid=kid), issuer="daypass", audience="daypass").issue(claims)
        for alg in ("EdDSA", "HS256", "ES256")
    ]
    embedded = decoded(header) | {
        "jwk": JWK.generate("EdDSA").public().to_dict(),
        "jku": "https://example.com/jwks.json",
    }
    assert statuses(client, [*forged, f"{b64url(embedded)}.{payload}.{access.rpartition('.')[2]}"]) == {401}


def test_a_touched_refresh_token_ends_nothing(client: Client) -> None:
    pair = client.login()
    refresh = pair["refresh_token"]
    touched = [refresh[:at] + ("A" if refresh[at] != "A" else "B") + refresh[at + 1 :] for at in range(len(refresh))]
    touched += [
        refresh + "=",
        refresh.replace(".1.", ".01."),
        refresh.replace(".1.", ".2."),
        refresh + "\n",
        refresh.upper(),
    ]
    asked = [("POST", "/v1/refresh", {"json": {"refresh_token": text}}) for text in touched]
    assert {answer.status_code for answer in client.together(*asked)} == {401}
    assert client("POST", "/v1/refresh", json={"refresh_token": refresh}).status_code == 200
