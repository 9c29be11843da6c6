"""The table of content encryption: round trips, lengths, and one error for whatever does not open."""

import pytest

from daypass.errors import DecryptionFailed
from daypass.jose.jwa.content_encryption import CONTENT_ENCRYPTIONS
from daypass.jose.jwe_message import open_content, seal_content
from tests.encryption import ENCS

LENGTHS = {
    "A128CBC-HS256": (32, 16, 16),
    "A192CBC-HS384": (48, 16, 24),
    "A256CBC-HS512": (64, 16, 32),
    "A128GCM": (16, 12, 16),
    "A192GCM": (24, 12, 16),
    "A256GCM": (32, 12, 16),
}
AAD = b"header"


def sealed(enc: str, plaintext: bytes = b"plaintext") -> dict[str, bytes]:
    row = CONTENT_ENCRYPTIONS[enc]
    cek = bytes(range(row.cek_bytes))
    iv, ciphertext, tag = seal_content(row, row.encryptor(cek), plaintext, AAD)
    return {"cek": cek, "iv": iv, "ciphertext": ciphertext, "tag": tag, "aad": AAD}


def opened(enc: str, parts: dict[str, bytes]) -> bytes:
    row = CONTENT_ENCRYPTIONS[enc]
    rest = {name: part for name, part in parts.items() if name != "cek"}
    return open_content(row, row.decryptor(parts["cek"]), **rest)


def test_the_table_is_that_of_the_rfc() -> None:
    assert {name: (it.cek_bytes, it.iv_bytes, it.tag_bytes) for name, it in CONTENT_ENCRYPTIONS.items()} == LENGTHS
    assert all(it.name == name and it.kty == "oct" for name, it in CONTENT_ENCRYPTIONS.items())
    with pytest.raises(TypeError):
        CONTENT_ENCRYPTIONS["none"] = CONTENT_ENCRYPTIONS["A128GCM"]  # type: ignore[index]


@pytest.mark.parametrize("size", [0, 1, 15, 16, 17, 32, 100_000])
@pytest.mark.parametrize("enc", ENCS)
def test_what_was_sealed_opens(enc: str, size: int) -> None:
    plaintext = bytes(range(256)) * (size // 256) + bytes(size % 256)
    parts = sealed(enc, plaintext)
    assert opened(enc, parts) == plaintext
    assert (len(parts["iv"]), len(parts["tag"])) == LENGTHS[enc][1:]
    padded = 16 - size % 16 if "CBC" in enc else 0
    assert len(parts["ciphertext"]) == size + padded


@pytest.mark.parametrize("enc", ENCS)
def test_an_iv_is_never_used_twice(enc: str) -> None:
    assert len({sealed(enc)["iv"] for _ in range(50)}) == 50


@pytest.mark.parametrize("part", ["cek", "iv", "ciphertext", "tag", "aad"])
@pytest.mark.parametrize("enc", ENCS)
def test_every_bit_counts(enc: str, part: str) -> None:
    parts = sealed(enc)
    # Of a CBC-HMAC key the first half makes the tag; under another second half some padding may happen to fit.
    size = len(parts["tag"]) if part == "cek" and "CBC" in enc else len(parts[part])
    for bit in range(8 * size):
        spoilt = bytearray(parts[part])
        spoilt[bit // 8] ^= 1 << bit % 8
        with pytest.raises(DecryptionFailed) as raised:
            opened(enc, {**parts, part: bytes(spoilt)})
        assert raised.value.__cause__ is None
        assert raised.value.__context__ is None


@pytest.mark.parametrize("part", ["iv", "ciphertext", "tag", "aad"])
@pytest.mark.parametrize("enc", ENCS)
def test_lengths_count(enc: str, part: str) -> None:
    parts = sealed(enc)
    for other in (b"", parts[part][:-1], parts[part][1:], parts[part] + b"\0", b"\0" + parts[part], parts[part] * 2):
        with pytest.raises(DecryptionFailed):
            opened(enc, {**parts, part: other})


@pytest.mark.parametrize("enc", ENCS)
def test_what_moved_between_its_neighbours_does_not_open(enc: str) -> None:
    """Ciphertext and tag are one to the cipher, aad, iv and ciphertext to the MAC: their lengths tell them apart."""
    parts = sealed(enc)
    moved = {**parts, "ciphertext": parts["ciphertext"] + parts["tag"][:1], "tag": parts["tag"][1:]}
    shifted = {**parts, "aad": parts["aad"] + parts["iv"][:1], "iv": parts["iv"][1:] + parts["ciphertext"][:1]}
    for bad in (moved, shifted, {**shifted, "ciphertext": parts["ciphertext"][1:]}):
        with pytest.raises(DecryptionFailed):
            opened(enc, bad)


@pytest.mark.parametrize("enc", [enc for enc in ENCS if "CBC" in enc])
def test_a_tag_that_holds_over_a_wrong_padding_is_the_same_error(enc: str) -> None:
    """Whoever has the key may write anything below the tag: no block, half a block, a padding that is none."""
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
    from cryptography.hazmat.primitives.hmac import HMAC

    parts = sealed(enc)
    half = len(parts["tag"])
    cipher = Cipher(algorithms.AES(parts["cek"][half:]), modes.CBC(parts["iv"])).encryptor()
    unpadded = cipher.update(b"\0" * 16) + cipher.finalize()
    for ciphertext in (b"", b"\0" * 8, unpadded):
        digest = {16: hashes.SHA256(), 24: hashes.SHA384(), 32: hashes.SHA512()}[half]
        mac = HMAC(parts["cek"][:half], digest)
        mac.update(AAD + parts["iv"] + ciphertext + (8 * len(AAD)).to_bytes(8, "big"))
        forged = {**parts, "ciphertext": ciphertext, "tag": mac.finalize()[:half]}
        with pytest.raises(DecryptionFailed) as raised:
            opened(enc, forged)
        assert raised.value.__context__ is None
