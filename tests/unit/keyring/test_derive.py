import hashlib
import hmac

from daypass.keyring.derive import RingSecret, derive_kid, ring_secret_of

RAW = bytes(range(7, 39))


def hkdf_sha256(key: bytes, info: bytes) -> bytes:
    """RFC 5869 2.2 and 2.3, for one block and no salt."""
    extracted = hmac.digest(bytes(32), key, "sha256")
    return hmac.digest(extracted, info + b"\x01", "sha256")


def test_a_purpose_is_the_info_of_hkdf() -> None:
    assert RingSecret(RAW).key_for("daypass refresh v1") == hkdf_sha256(RAW, b"daypass refresh v1")


def test_each_purpose_has_its_own_key_and_the_same_one_each_time() -> None:
    secret = RingSecret(RAW)
    keys = [secret.key_for(f"purpose {number % 100}") for number in range(300)]
    assert len(set(keys)) == 100
    assert keys[:100] == keys[100:200] == keys[200:]
    assert {len(key) for key in keys} == {32}


def test_a_kid_is_derived_too_so_that_it_tells_nothing() -> None:
    kids = {derive_kid(RingSecret(RAW), purpose) for purpose in ("sign", "derive")}
    assert len(kids) == 2
    assert all(len(kid) == 22 for kid in kids)
    assert hashlib.sha256(RAW).hexdigest()[:8] not in str(kids)


def test_the_ring_secret_of_a_key_is_not_the_key() -> None:
    secret = ring_secret_of(RingSecret(RAW))
    assert secret.reveal() == hkdf_sha256(RAW, b"daypass ring secret v1")
