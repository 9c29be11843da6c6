"""Tokens of PHP verify here, and ours there: HS256 with hash_hmac, the way an API in PHP hands out a token."""

import json
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from daypass import jwt
from daypass.claims import ClaimsPolicy
from daypass.errors import Expired, InvalidSignature, MissingClaim, TokenError, UnsupportedToken
from daypass.jose.jwk import JWK
from tests.security import forge

SCRIPT = Path(__file__).parent / "php" / "hs256.php"
KEY = JWK.from_secret(forge.SECRET, alg="HS256")
ANYTHING = ClaimsPolicy(required=())
ARTICLE = {"id": "1"}

CLAIMS: dict[str, dict[str, Any]] = {
    "none": {},
    "the article": ARTICLE,
    "numbers": {"zero": 0, "minus": -1, "largest": 2**63 - 1, "smallest": -(2**63), "tenth": 0.1, "tiny": 5e-324},
    "unicode": {"name": "Žofie 日本語 🦊", "escaped": 'a/b\\"\u2028\x01', "ключ": "è", "": "no name"},
    "nested": {"a": {"b": [1, [2, {"c": None}], {}], "d": []}, "roles": ["admin", "reader"], "on": True, "off": False},
}


@pytest.fixture(scope="module", autouse=True)
def _php() -> None:
    if shutil.which("php") is None:
        pytest.skip("there is no php on this machine: make packages")


def php(action: str, text: str, *, secret: bytes = forge.SECRET) -> str | None:
    """Let PHP sign or verify; None where it refuses."""
    answer = subprocess.run(
        ["php", "-n", SCRIPT, action], input=f"{secret.hex()}\n{text}", capture_output=True, text=True, check=False
    )
    assert answer.stderr == ""
    assert answer.returncode == 0 or (answer.returncode, answer.stdout) == (1, "")
    return answer.stdout if answer.returncode == 0 else None


def signed_by_php(claims: dict[str, Any], *, secret: bytes = forge.SECRET) -> str:
    token = php("sign", json.dumps(claims), secret=secret)
    assert token is not None
    return token


def touched(token: str) -> list[str]:
    """The token with one character changed in each segment, and with its parts in disorder."""
    segments = token.split(".")
    changed = []
    for at, segment in enumerate(segments):
        middle = len(segment) // 2
        other = "A" if segment[middle] != "A" else "B"
        changed.append(
            ".".join([*segments[:at], segment[:middle] + other + segment[middle + 1 :], *segments[at + 1 :]])
        )
    head, payload, signature = segments
    return [*changed, f"{payload}.{head}.{signature}", f"{head}.{payload}.", f"{head}.{payload}", f"{token}.{payload}"]


def test_the_token_of_the_article_verifies_here() -> None:
    token = signed_by_php(ARTICLE)
    header = json.loads(forge.unb64u(token.partition(".")[0]))
    assert list(header.items()) == [("typ", "JWT"), ("alg", "HS256")]
    assert jwt.verify(token, KEY, policy=ANYTHING) == ARTICLE
    with pytest.raises(MissingClaim):  # by design: a token without an end is read only where the caller says so
        jwt.verify(token, KEY)


def test_ours_verifies_there() -> None:
    token = jwt.sign(ARTICLE, KEY, lifetime_s=None)
    assert json.loads(php("verify", token) or "null") == ARTICLE
    with_end = json.loads(php("verify", jwt.sign(ARTICLE, KEY, lifetime_s=60)) or "null")
    assert with_end["id"] == "1"
    assert 0 < with_end["exp"] - time.time() <= 61


def test_the_same_claims_give_the_same_token() -> None:
    """HS256 has nothing random: where header and claims are spelt alike, so is the rest."""
    ours = jwt.sign(ARTICLE, KEY, lifetime_s=None, header={"typ": "JWT"})
    assert ours.partition(".")[2].partition(".")[0] == signed_by_php(ARTICLE).split(".")[1]
    assert forge.token({"typ": "JWT", "alg": "HS256"}, ARTICLE) == signed_by_php(ARTICLE)


@pytest.mark.parametrize("name", CLAIMS)
def test_claims_travel_both_ways(name: str) -> None:
    claims = CLAIMS[name]
    here = jwt.verify(signed_by_php(claims), KEY, policy=ANYTHING)
    assert here == claims
    assert [type(value) for value in here.values()] == [type(value) for value in claims.values()]
    there = php("verify", jwt.sign(claims, KEY, lifetime_s=None))
    assert there is not None
    assert json.loads(there) == claims


@pytest.mark.parametrize("at", range(len(touched("a.b.c"))))
def test_what_was_touched_is_refused_on_both_sides(at: int) -> None:
    with pytest.raises(TokenError):
        jwt.verify(touched(signed_by_php(ARTICLE))[at], KEY, policy=ANYTHING)
    assert php("verify", touched(jwt.sign(ARTICLE, KEY, lifetime_s=None))[at]) is None


def test_another_key_is_refused_on_both_sides() -> None:
    other = bytes(32)
    with pytest.raises(InvalidSignature):
        jwt.verify(signed_by_php(ARTICLE, secret=other), KEY, policy=ANYTHING)
    assert php("verify", jwt.sign(ARTICLE, KEY, lifetime_s=None), secret=other) is None


def test_an_expired_token_is_refused_on_both_sides() -> None:
    past = {**ARTICLE, "exp": 1_000_000_000}
    with pytest.raises(Expired):
        jwt.verify(signed_by_php(past), KEY, policy=ANYTHING)
    assert php("verify", jwt.sign(past, KEY)) is None


def test_another_algorithm_under_the_same_secret_is_refused_on_both_sides() -> None:
    """The header is signed, so only who holds the key can write this; it is refused all the same."""
    token = forge.token({"typ": "JWT", "alg": "none"}, ARTICLE)
    with pytest.raises(UnsupportedToken):
        jwt.verify(token, KEY, policy=ANYTHING)
    assert php("verify", token) is None
