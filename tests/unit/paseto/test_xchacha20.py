"""XChaCha20 and PAE: the values of the drafts, and what libsodium makes of the same."""

import os
import struct

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import ChaCha20
from nacl.bindings import crypto_aead_xchacha20poly1305_ietf_encrypt

from daypass.paseto.pae import le64, pae
from daypass.paseto.xchacha20 import hchacha20, xchacha20

KEY = bytes(range(0x80, 0xA0))
NONCE = bytes(range(0x40, 0x58))


def test_hchacha20_of_the_draft() -> None:
    """draft-irtf-cfrg-xchacha 2.2.1."""
    derived = hchacha20(bytes(range(32)), bytes.fromhex("000000090000004a0000000031415927"))
    assert derived.hex() == "82413b4227b27bfed30e42508a877d73a0f9e4d58a74a853c12ec41326d3ecdc"


def test_xchacha20_of_the_draft() -> None:
    """draft-irtf-cfrg-xchacha A.3.1: the keystream of the AEAD from its second block on."""
    plaintext = (
        b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen"
        b" would be it."
    )
    ciphertext = bytes.fromhex(
        "bd6d179d3e83d43b9576579493c0e939572a1700252bfaccbed2902c21396cbb"
        "731c7f1b0b4aa6440bf3a82f4eda7e39ae64c6708c54c216cb96b72e1213b452"
        "2f8c9ba40db5d945b11b69b982c1bb9e3f3fac2bc369488f76b2383565d3fff9"
        "21f9664c97637da9768812f615c68b13b52e"
    )
    assert xchacha20(KEY, NONCE, bytes(64) + plaintext)[64:] == ciphertext
    assert xchacha20(KEY, NONCE, bytes(64) + ciphertext)[64:] == plaintext


def test_xchacha20_of_the_draft_from_the_first_block_on() -> None:
    """draft-irtf-cfrg-xchacha A.3.2, its beginning."""
    nonce = NONCE[:20] + bytes.fromhex("54555658")
    expected = "4559abba4e48c16102e8bb2c05e6947f50a786de162f9b0b7e592a9b53d0d4e9"
    assert xchacha20(KEY, nonce, b'The dhole (pronounced "dole") is also known')[:32].hex() == expected


def test_libsodium_draws_the_same_stream() -> None:
    for length in (0, 1, 63, 64, 65, 1000):
        key, nonce, data = os.urandom(32), os.urandom(24), os.urandom(length)
        sealed = crypto_aead_xchacha20poly1305_ietf_encrypt(data, None, nonce, key)
        assert xchacha20(key, nonce, bytes(64) + data)[64:] == sealed[:-16]


def rounds_alone(key: bytes, nonce: bytes) -> bytes:
    """HChaCha20 word by word: the block less the initial state, without borrows between words."""
    block = Cipher(ChaCha20(key, nonce), None).encryptor().update(bytes(64))
    initial = b"expand 32-byte k" + key + nonce
    words = [
        (int.from_bytes(block[i : i + 4], "little") - int.from_bytes(initial[i : i + 4], "little")) % 2**32
        for i in (*range(0, 16, 4), *range(48, 64, 4))
    ]
    return b"".join(word.to_bytes(4, "little") for word in words)


def test_no_word_borrows_from_the_next() -> None:
    for nonce in (
        bytes(16),
        b"\xff" * 16,
        b"\0\0\0\x80" * 4,
        b"\xff\xff\xff\x7f" * 4,
        *(os.urandom(16) for _ in range(300)),
    ):
        key = os.urandom(32)
        assert hchacha20(key, nonce) == rounds_alone(key, nonce)


@pytest.mark.parametrize(
    "pieces, expected",
    [
        ([], "0000000000000000"),
        ([b""], "01000000000000000000000000000000"),
        ([b"", b""], "020000000000000000000000000000000000000000000000"),
        ([b"test"], "0100000000000000040000000000000074657374"),
        ([b"Paragon"], "0100000000000000070000000000000050617261676f6e"),
        (
            [b"Paragon", b"Initiative"],
            "0200000000000000070000000000000050617261676f6e0a00000000000000496e6974696174697665",
        ),
    ],
)
def test_pae_of_the_specification(pieces: list[bytes], expected: str) -> None:
    """PASETO 01-Protocol-Versions/Common, PAE Definition."""
    assert pae(*pieces).hex() == expected


def test_a_length_has_its_highest_bit_clear() -> None:
    assert le64(0) == bytes(8)
    assert le64(258) == bytes([2, 1, 0, 0, 0, 0, 0, 0])
    assert le64(2**63 - 1) == b"\xff" * 7 + b"\x7f"
    for none in (2**63, -(2**63) - 1):
        with pytest.raises(struct.error):
            le64(none)
