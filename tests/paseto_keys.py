"""Keys of PASETO for tests: one of each kind and version in a process; both directions of every protocol by name."""

from collections.abc import Callable
from functools import cache
from itertools import product
from typing import Any

import pytest

from daypass import paseto
from daypass.encoding import b64url_decode, b64url_encode
from daypass.paseto.keys import LocalKey, PublicKey, SecretKey, Version
from daypass.paseto.message import OpenedToken

VERSIONS: tuple[Version, ...] = (1, 2, 3, 4)
KINDS: list[tuple[Version, str]] = list(product(VERSIONS, ("local", "public")))
EVERY_VERSION = pytest.mark.parametrize("version", VERSIONS)
EVERY_KIND = pytest.mark.parametrize("version, purpose", KINDS)


@cache
def local(version: Version) -> LocalKey:
    return LocalKey.generate(version)


@cache
def secret(version: Version) -> SecretKey:
    return SecretKey.generate(version)


@cache
def public(version: Version) -> PublicKey:
    return secret(version).public()


def issuing(version: Version, purpose: str) -> Any:
    return local(version) if purpose == "local" else secret(version)


def opening(version: Version, purpose: str) -> Any:
    return local(version) if purpose == "local" else public(version)


def issue(version: Version, purpose: str, payload: bytes, key: Any = None, **words: Any) -> str:
    write: Callable[..., str] = paseto.encrypt if purpose == "local" else paseto.sign
    return write(payload, issuing(version, purpose) if key is None else key, allow_legacy=True, **words)


def read(version: Version, purpose: str, token: Any, key: Any = None, **words: Any) -> OpenedToken:
    open_token: Callable[..., OpenedToken] = paseto.decrypt if purpose == "local" else paseto.verify
    return open_token(token, opening(version, purpose) if key is None else key, **words)


def issue_claims(version: Version, purpose: str, claims: Any, **words: Any) -> str:
    write: Callable[..., str] = paseto.encrypt_claims if purpose == "local" else paseto.sign_claims
    return write(claims, issuing(version, purpose), allow_legacy=True, **words)


def read_claims(version: Version, purpose: str, token: Any, **words: Any) -> Any:
    read_them: Callable[..., Any] = paseto.decrypt_claims if purpose == "local" else paseto.verify_claims
    return read_them(token, opening(version, purpose), **words)


def parts(token: str) -> tuple[str, bytes, bytes]:
    """Header with both dots, what it holds, footer."""
    version, purpose, held, *footer = token.split(".")
    return f"{version}.{purpose}.", b64url_decode(held.encode()), b64url_decode("".join(footer).encode())


def joined(header: str, held: bytes, footer: bytes = b"") -> str:
    return header + b64url_encode(held) + ("." + b64url_encode(footer) if footer else "")
