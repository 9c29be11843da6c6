"""The table of key management: what is handed over arrives, and one error for whatever does not."""

from typing import Any

import msgspec
import pytest

from daypass.errors import DecryptionFailed
from daypass.jose.jwa.content_encryption import CONTENT_ENCRYPTIONS
from daypass.jose.jwa.key_management import KEY_MANAGEMENT_ALGORITHMS, KeyParameters, Sent
from daypass.jose.jwe_message import received_cek
from tests.encryption import ALGS, KINDS, key_for, named

NAMES = (
    *("dir", "A128KW", "A192KW", "A256KW", "A128GCMKW", "A192GCMKW", "A256GCMKW"),
    *("RSA-OAEP", "RSA-OAEP-256", "RSA-OAEP-384", "RSA-OAEP-512", "RSA1_5"),
    *("ECDH-ES", "ECDH-ES+A128KW", "ECDH-ES+A192KW", "ECDH-ES+A256KW"),
    *("PBES2-HS256+A128KW", "PBES2-HS384+A192KW", "PBES2-HS512+A256KW"),
)
EACH = pytest.mark.parametrize("alg, crv", KINDS, ids=[named(*kind) for kind in KINDS])


def hand_over(alg: str, crv: str | None, enc: str = "A128GCM", **words: Any) -> tuple[Sent, KeyParameters]:
    """What was sent, and the parameters that its header gives the receiver."""
    row, key = KEY_MANAGEMENT_ALGORITHMS[alg], key_for(alg, crv, enc)
    p = KeyParameters(enc=enc, cek_bytes=CONTENT_ENCRYPTIONS[enc].cek_bytes, **words)
    count = 1000 if "p2c" in row.needs else 0
    sent = row.sender(key.raw.open_half)(bytes(range(p.cek_bytes)), msgspec.structs.replace(p, p2c=count))
    return sent, msgspec.structs.replace(p, **sent.members)


def received(alg: str, crv: str | None, encrypted_key: bytes, p: KeyParameters) -> bytes:
    key = key_for(alg, crv, p.enc)
    return KEY_MANAGEMENT_ALGORITHMS[alg].receiver(key.raw.private)(encrypted_key, p)


def test_the_table_is_that_of_the_rfc() -> None:
    assert ALGS == NAMES
    assert all(it.name == name for name, it in KEY_MANAGEMENT_ALGORITHMS.items())
    assert [name for name in ALGS if KEY_MANAGEMENT_ALGORITHMS[name].is_direct] == ["dir", "ECDH-ES"]
    with pytest.raises(TypeError):
        KEY_MANAGEMENT_ALGORITHMS["none"] = KEY_MANAGEMENT_ALGORITHMS["dir"]  # type: ignore[index]


@pytest.mark.parametrize("enc", CONTENT_ENCRYPTIONS)
@EACH
def test_a_cek_arrives(alg: str, crv: str | None, enc: str) -> None:
    sent, p = hand_over(alg, crv, enc)
    assert received(alg, crv, sent.encrypted_key, p) == sent.cek
    assert len(sent.cek) == p.cek_bytes
    row = KEY_MANAGEMENT_ALGORITHMS[alg]
    assert bool(sent.encrypted_key) is not row.is_direct
    assert set(sent.members) == set(row.needs)
    if not row.is_direct:
        assert sent.cek == bytes(range(p.cek_bytes))


@EACH
def test_nothing_is_handed_over_alike_twice(alg: str, crv: str | None) -> None:
    """Plain key wrap alone is deterministic, and of a random CEK."""
    first, second = hand_over(alg, crv)[0], hand_over(alg, crv)[0]
    same = alg == "dir" or alg in ("A128KW", "A192KW", "A256KW")
    assert ((first.cek, first.encrypted_key) == (second.cek, second.encrypted_key)) is same


@EACH
def test_an_encrypted_key_that_was_touched(alg: str, crv: str | None) -> None:
    sent, p = hand_over(alg, crv)
    good = sent.encrypted_key
    spoilt = [good[:-1], good + b"\0", good[8:], good * 2, good[:-1] + bytes([good[-1] ^ 1])] if good else []
    for bad in (b"\0" * 8, b"\0" * 24, *spoilt, *([b""] if good else [])):
        cek = received_cek(lambda ek, p: received(alg, crv, ek, p), bad, p)
        assert cek != sent.cek
        assert len(cek) == p.cek_bytes
        if alg != "RSA1_5":  # whose wrong padding gives random bytes
            with pytest.raises(DecryptionFailed) as raised:
                received(alg, crv, bad, p)
            assert raised.value.__context__ is None


@EACH
def test_a_cek_of_another_length_is_replaced(alg: str, crv: str | None) -> None:
    """A sender may hand over any octets; with dir and ECDH-ES the length is that of the key, or of the agreement."""
    sent, p = hand_over(alg, crv, "A256GCM")
    other = msgspec.structs.replace(p, cek_bytes=16)
    if alg == "dir":
        with pytest.raises(DecryptionFailed):
            received(alg, crv, b"", other)
    cek = received_cek(lambda ek, p: received(alg, crv, ek, p), sent.encrypted_key, other)
    assert len(cek) == 16
    assert cek != sent.cek[:16]
    assert cek != received_cek(lambda ek, p: received(alg, crv, ek, p), sent.encrypted_key, other) or alg == "ECDH-ES"


@EACH
def test_what_was_sent_shows_no_key(alg: str, crv: str | None) -> None:
    sent, _ = hand_over(alg, crv)
    assert repr(sent.cek)[2:-1] not in repr(sent)


@pytest.mark.parametrize("name, other", [("iv", b""), ("iv", bytes(8)), ("iv", bytes(16)), ("tag", b""), ("tag", None)])
@pytest.mark.parametrize("alg", ["A128GCMKW", "A192GCMKW", "A256GCMKW"])
def test_iv_and_tag_of_a_wrapped_key_have_their_lengths(alg: str, name: str, other: bytes | None) -> None:
    sent, p = hand_over(alg, None)
    bad = p.tag[:12] if other is None else other
    with pytest.raises(DecryptionFailed):
        received(alg, None, sent.encrypted_key, msgspec.structs.replace(p, **{name: bad}))


@pytest.mark.parametrize("alg, crv", [kind for kind in KINDS if kind[0].startswith("ECDH")])
def test_an_agreement_is_bound_to_everything_that_was_agreed(alg: str, crv: str) -> None:
    sent, p = hand_over(alg, crv, apu=b"Alice", apv=b"Bob")
    changes: list[dict[str, Any]] = [{"apu": b"Alic"}, {"apu": b""}, {"apv": b"Bobo"}, {"apu": b"AliceBob", "apv": b""}]
    changes += [{"enc": "A192GCM"}, {"epk": hand_over(alg, crv)[1].epk}] if alg == "ECDH-ES" else []
    for change in changes:
        other = msgspec.structs.replace(p, **change)
        cek = received_cek(lambda ek, p: received(alg, crv, ek, p), sent.encrypted_key, other)
        assert cek != sent.cek


@pytest.mark.parametrize("alg, crv", [kind for kind in KINDS if kind[0].startswith("ECDH")])
def test_an_ephemeral_key_of_another_kind(alg: str, crv: str) -> None:
    sent, p = hand_over(alg, crv)
    others = [key_for("ECDH-ES", it).raw.public for it in ("P-256", "P-384", "P-521", "X25519", "X448") if it != crv]
    for epk in (None, b"", "x", 5, key_for("RSA-OAEP").raw.public, *others):
        with pytest.raises(DecryptionFailed) as raised:
            received(alg, crv, sent.encrypted_key, msgspec.structs.replace(p, epk=epk))
        assert raised.value.__context__ is None
