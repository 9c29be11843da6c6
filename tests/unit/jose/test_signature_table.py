"""The table of algorithms: exactly those of RFC 7518 3.1, RFC 8037, RFC 8812, RFC 9864 and RFC 9964, and frozen."""

import pytest

from daypass import jws
from daypass.jose.jwa.signature import SIGNATURE_ALGORITHMS
from daypass.jose.jwk import JWK
from tests.security import forge

LENGTHS = {
    "HS256": 32, "HS384": 48, "HS512": 64,
    "RS256": 256, "RS384": 256, "RS512": 256, "PS256": 256, "PS384": 256, "PS512": 256,
    "ES256": 64, "ES384": 96, "ES512": 132, "ES256K": 64,
    "EdDSA": 64, "Ed25519": 64, "Ed448": 114,
    "ML-DSA-44": 2420, "ML-DSA-65": 3309, "ML-DSA-87": 4627,
}  # fmt: skip


def test_the_table_is_whole_and_frozen() -> None:
    assert SIGNATURE_ALGORITHMS.keys() == LENGTHS.keys()
    for name, entry in SIGNATURE_ALGORITHMS.items():
        assert entry.name == name
        with pytest.raises(AttributeError):
            entry.name = "none"  # type: ignore[misc]
    for act in (
        lambda: SIGNATURE_ALGORITHMS.__setitem__("none", None),  # type: ignore[attr-defined]
        lambda: SIGNATURE_ALGORITHMS.update({}),  # type: ignore[attr-defined]
        lambda: SIGNATURE_ALGORITHMS.pop("HS256"),  # type: ignore[attr-defined]
    ):
        with pytest.raises(AttributeError):
            act()


@pytest.mark.parametrize("alg", LENGTHS)
def test_a_signature_has_its_length(alg: str) -> None:
    key = JWK.generate(alg)
    for payload in (b"", b"x" * 1000):
        token = jws.sign(payload, key)
        assert len(forge.unb64u(token.rpartition(".")[2])) == LENGTHS[alg]
        assert jws.verify(token, key).payload == payload


@pytest.mark.parametrize("alg", ["ES256", "ES384", "ES512", "ES256K"])
def test_r_and_s_keep_their_leading_zeros(alg: str) -> None:
    """One in 128 signatures has a short r or s: enough of them to see one."""
    key = JWK.generate(alg)
    for number in range(300):
        token = jws.sign(str(number).encode(), key)
        assert len(forge.unb64u(token.rpartition(".")[2])) == LENGTHS[alg]
        assert jws.verify(token, key).payload == str(number).encode()


def test_eddsa_covers_both_curves_and_the_new_names_one_each() -> None:
    """RFC 9864 2.2."""
    assert SIGNATURE_ALGORITHMS["EdDSA"].curves == ("Ed25519", "Ed448")
    assert SIGNATURE_ALGORITHMS["Ed25519"].curves == ("Ed25519",)
    assert SIGNATURE_ALGORITHMS["Ed448"].curves == ("Ed448",)
    for crv in ("Ed25519", "Ed448"):
        key = JWK.generate("EdDSA", crv=crv)
        named = JWK.from_dict({**key.to_dict(private=True), "alg": crv})
        old, new = jws.sign(b"x", key), jws.sign(b"x", named)
        assert jws.verify(old, key).header["alg"] == "EdDSA"
        assert jws.verify(new, named).header["alg"] == crv
