"""Which primitives a token reaches: the rows of the tables, and what lies below them, note every call."""

import os
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives import ciphers
from cryptography.hazmat.primitives.kdf import pbkdf2

from daypass.jose import jwe_header, jwe_message, key_use
from daypass.jose.jwa.content_encryption import CONTENT_ENCRYPTIONS
from daypass.jose.jwa.key_management import KEY_MANAGEMENT_ALGORITHMS


def count_primitives(patch: pytest.MonkeyPatch) -> list[str]:
    """Note, in order, each `receive`, `open`, `derive`, `decipher` (AES-CBC), `inflate` and `random`."""
    calls: list[str] = []

    def noting(name: str, act: Callable[..., Any]) -> Callable[..., Any]:
        return lambda *args, **words: calls.append(name) or act(*args, **words)

    def receiver(row: Any) -> Any:
        make = lambda key: noting(f"receive {row.name}", row.receiver(key))  # noqa: E731
        return msgspec.structs.replace(row, receiver=make)

    def decryptor(row: Any) -> Any:
        make = lambda cek: noting(f"open {row.name}", row.decryptor(cek))  # noqa: E731
        return msgspec.structs.replace(row, decryptor=make)

    rows = {name: receiver(row) for name, row in KEY_MANAGEMENT_ALGORITHMS.items()}
    patch.setattr(key_use, "KEY_MANAGEMENT_ALGORITHMS", rows)
    patch.setattr(jwe_header, "CONTENT_ENCRYPTIONS", {name: decryptor(it) for name, it in CONTENT_ENCRYPTIONS.items()})
    patch.setattr(pbkdf2, "PBKDF2HMAC", noting("derive", pbkdf2.PBKDF2HMAC))
    patch.setattr(ciphers, "Cipher", noting("decipher", ciphers.Cipher))
    patch.setattr(zlib, "decompressobj", noting("inflate", zlib.decompressobj))
    patch.setattr(jwe_message, "os", SimpleNamespace(urandom=noting("random", os.urandom)))
    return calls


@contextmanager
def allocating_at_most(bytes_max: int) -> Iterator[None]:
    """Hold that nothing inside allocates more, at any moment, than before."""
    import tracemalloc

    tracemalloc.start()
    try:
        yield
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak <= bytes_max
