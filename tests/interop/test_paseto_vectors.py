"""The official test vectors of PASETO: all of them, what holds and what must be refused, by the public interface."""

from collections import Counter
from typing import Any

import pytest

from daypass import paseto
from daypass.encoding import b64url_encode
from daypass.errors import DecryptionFailed, InvalidSignature, MalformedToken, TokenError, UnsupportedToken
from daypass.paseto import message
from daypass.paseto.keys import LocalKey, PublicKey, SecretKey
from daypass.paseto.payload import claims_of_payload
from daypass.paseto.token_text import join_token
from tests import vectors
from tests.security.forge import unb64u

CASES = [(version, case) for version in (1, 2, 3, 4) for case in vectors.load(f"paseto/v{version}.json")["tests"]]


def chosen(kind: str) -> Any:
    """The cases of one kind: E is encrypted, S is signed, F has to fail."""
    named = [pytest.param(*it, id=it[1]["name"]) for it in CASES if it[1]["name"].split("-")[1] == kind]
    return pytest.mark.parametrize("version, case", named)


def test_all_vectors_are_here() -> None:
    assert len(CASES) == len({case["name"] for _, case in CASES}) == 63
    assert Counter(version for version, _ in CASES) == {1: 14, 2: 15, 3: 17, 4: 17}
    assert Counter(case["name"].split("-")[1] for _, case in CASES) == {"E": 36, "S": 12, "F": 15}
    assert {path.stem for path in (vectors.directory() / "paseto").glob("*.json")} == {"v1", "v2", "v3", "v4"}
    for _, case in CASES:
        assert case["expect-fail"] is ("-F-" in case["name"]) is (case["payload"] is None)


def key_of(kind: Any, version: int, case: dict[str, Any]) -> Any:
    name = {LocalKey: "key", PublicKey: "public-key", SecretKey: "secret-key"}[kind]
    text = case[name]
    key = kind.from_pem(version, text) if version == 1 and kind is not LocalKey else from_hex(kind, version, text)
    if f"{name}-pem" in case:
        assert kind.from_pem(version, case[f"{name}-pem"]).to_bytes() == key.to_bytes()
    return key


def from_hex(kind: Any, version: int, text: str) -> Any:
    return kind.from_bytes(version, bytes.fromhex(text))


def words_of(version: int, case: dict[str, Any]) -> dict[str, Any]:
    """v1 and v2 know no implicit assertion: theirs is called discarded-anyway, and refused where it is passed."""
    return {"implicit": case["implicit-assertion"].encode()} if version > 2 else {}


def holds_only_as_it_is(version: int, case: dict[str, Any], open_token: Any, key: Any, error: type[TokenError]) -> None:
    token, words, footer = case["token"], words_of(version, case), case["footer"].encode()
    for expected in (None, footer):
        opened = open_token(token, key, footer=expected, **words)
        assert (opened.payload, opened.footer) == (case["payload"].encode(), footer)
    for other in (footer + b"x", b"" if footer else b"{}"):
        with pytest.raises(error):
            open_token(token, key, footer=other, **words)
        moved = ".".join(token.split(".")[:3]) + ("." + b64url_encode(other) if other else "")
        with pytest.raises(error):
            open_token(moved, key, **words)
    implicit = words.get("implicit", b"")
    for other in (implicit + b"x", b"" if implicit else b"{}", implicit + b"\0"):
        with pytest.raises(error if version > 2 else ValueError):
            open_token(token, key, implicit=other)


@chosen("E")
def test_a_token_is_decrypted_and_written_again(version: int, case: dict[str, Any]) -> None:
    key, footer = key_of(LocalKey, version, case), case["footer"].encode()
    holds_only_as_it_is(version, case, paseto.decrypt, key, DecryptionFailed)

    nonce, drawn = bytes.fromhex(case["nonce"]), []
    protocol = message.local_protocol(key)
    seal = protocol.sealer(key.to_bytes(), lambda size: drawn.append(size) or nonce)
    sealed = seal(case["payload"].encode(), footer, words_of(version, case).get("implicit", b""))
    assert join_token(protocol.header, sealed, footer) == case["token"]
    assert drawn == [len(nonce)]


@chosen("S")
def test_a_token_is_verified_and_written_again(version: int, case: dict[str, Any]) -> None:
    secret, public = key_of(SecretKey, version, case), key_of(PublicKey, version, case)
    assert secret.public().to_bytes() == public.to_bytes()
    holds_only_as_it_is(version, case, paseto.verify, public, InvalidSignature)
    footer, words = case["footer"].encode(), words_of(version, case)
    again = paseto.sign(case["payload"].encode(), secret, footer=footer, allow_legacy=True, **words)
    assert again == case["token"] or version in (1, 3), "not all of v3 were made with the nonce of RFC 6979"
    assert (again == paseto.sign(case["payload"].encode(), secret, footer=footer, allow_legacy=True, **words)) is (
        version != 1  # RFC 8032 and RFC 6979 draw none
    )
    assert paseto.verify(again, public, **words).payload == case["payload"].encode()


@pytest.mark.parametrize("version, case", [it for it in CASES if it[1]["payload"]], ids=lambda it: "")
def test_a_payload_is_claims(version: int, case: dict[str, Any]) -> None:
    assert claims_of_payload(case["payload"].encode())["exp"] in (1546300800, 1640995200)


@chosen("F")
def test_a_token_is_refused(version: int, case: dict[str, Any]) -> None:
    token, words = case["token"], words_of(version, case)
    kind = LocalKey if "key" in case else PublicKey
    open_token = paseto.decrypt if kind is LocalKey else paseto.verify
    key = key_of(kind, version, case)
    is_spelling = case["name"][-1] in "45"  # the last character is not canonical; it is padded
    with pytest.raises(MalformedToken if is_spelling else UnsupportedToken):
        open_token(token, key, **words)
    if is_spelling:  # and for nothing else
        again = ".".join(
            [*token.split(".")[:2], *(b64url_encode(unb64u(it.rstrip("="))) for it in token.split(".")[2:])]
        )
        assert again != token
        assert open_token(again, key, **words).footer == case["footer"].encode()
