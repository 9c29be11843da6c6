"""JWK.generate: a key for everything that an ``alg`` may say, on every curve, and it does what it was made for."""

from typing import Any

import pytest

from daypass import jwe, jws
from daypass.errors import ConfigurationError, KeyFormatError, WeakKey
from daypass.jose.jwa.content_encryption import CONTENT_ENCRYPTIONS
from daypass.jose.jwa.key_management import KEY_MANAGEMENT_ALGORITHMS
from daypass.jose.jwa.signature import SIGNATURE_ALGORITHMS
from daypass.jose.jwk import JWK
from daypass.jose.key_rules import ALGORITHMS
from daypass.limits import SECRET_BYTES_MAX

NAMES = list(ALGORITHMS)
ON_CURVES = [(name, crv) for name, row in ALGORITHMS.items() for crv in row.curves if row.kty != "AKP"]
SECRET_BITS = {
    "HS256": 256, "HS384": 384, "HS512": 512,
    "A128KW": 128, "A192KW": 192, "A256KW": 256, "A128GCMKW": 128, "A192GCMKW": 192, "A256GCMKW": 256,
    "PBES2-HS256+A128KW": 256, "PBES2-HS384+A192KW": 256, "PBES2-HS512+A256KW": 256,
    "A128CBC-HS256": 256, "A192CBC-HS384": 384, "A256CBC-HS512": 512, "A128GCM": 128, "A192GCM": 192, "A256GCM": 256,
}  # fmt: skip
"""What the standards ask for: RFC 7518 3.2, 4.4, 4.7, 5.1."""


def generated(alg: str, **words: Any) -> JWK:
    return JWK.generate(alg, **({"bits": 256} if alg == "dir" else {}), **words)


def enc_for(alg: str) -> str:
    return alg if alg in CONTENT_ENCRYPTIONS else "A256GCM"


def does_its_task(key: JWK, alg: str) -> bool:
    """Sign and verify, or encrypt and decrypt: with the public half where there is one."""
    other = key if key.kty == "oct" else key.public()
    if alg in SIGNATURE_ALGORITHMS:
        return jws.verify(jws.sign(b"x", key), other).payload == b"x"
    words = {"allow_pbes2": alg.startswith("PBES2"), "allow_rsa1_5": alg == "RSA1_5"}
    header = {"p2c": 1000} if alg.startswith("PBES2") else None
    token = jwe.encrypt(b"x", other, enc=enc_for(alg), header=header)
    return jwe.decrypt(token, key, **words).plaintext == b"x"


def test_the_names_are_those_of_three_tables() -> None:
    assert ALGORITHMS.keys() == {*SIGNATURE_ALGORITHMS, *KEY_MANAGEMENT_ALGORITHMS, *CONTENT_ENCRYPTIONS}
    assert len(NAMES) == len(SIGNATURE_ALGORITHMS) + len(KEY_MANAGEMENT_ALGORITHMS) + len(CONTENT_ENCRYPTIONS)
    with pytest.raises(TypeError):
        ALGORITHMS["none"] = ALGORITHMS["HS256"]  # type: ignore[index]


@pytest.mark.parametrize("alg", NAMES)
def test_a_key_for_every_name_does_its_task(alg: str) -> None:
    key = generated(alg)
    assert (key.kty, key.alg, key.is_private, key.use, key.key_ops, key.x5c) == (
        *(ALGORITHMS[alg].kty, alg, True, None),
        *(None, ()),
    )
    assert does_its_task(key, alg)
    again = JWK.from_dict(key.to_dict(private=True))
    assert again.to_dict(private=True) == key.to_dict(private=True)
    assert does_its_task(again, alg)


@pytest.mark.parametrize("alg, crv", ON_CURVES)
def test_a_key_on_every_curve_does_its_task(alg: str, crv: str) -> None:
    key = JWK.generate(alg, crv=crv)
    assert key.crv == crv
    assert key.to_dict()["crv"] == crv
    assert key.kty == ("EC" if crv.startswith(("P-", "secp")) else "OKP")
    assert does_its_task(key, alg)


@pytest.mark.parametrize("alg", NAMES)
def test_what_a_key_is_called(alg: str) -> None:
    """DESIGN 3: the thumbprint, or 128 random bits for a secret; a name that was given stays."""
    key = generated(alg)
    if key.kty == "oct":
        assert key.kid is not None
        assert len(key.kid) == 22
        assert key.kid != key.thumbprint()[:22]  # a name says nothing of a secret
    else:
        assert key.kid == key.thumbprint() == key.public().kid
    assert generated(alg).kid != key.kid
    assert generated(alg, kid="mine").kid == "mine"


@pytest.mark.parametrize("alg", SECRET_BITS)
def test_a_secret_is_as_long_as_its_algorithm_asks(alg: str) -> None:
    assert len(JWK.generate(alg).raw.private) * 8 == SECRET_BITS[alg]
    assert JWK.generate(alg).raw.private != JWK.generate(alg).raw.private


@pytest.mark.parametrize("alg", SECRET_BITS)
def test_the_bounds_of_bits(alg: str) -> None:
    row, usual = ALGORITHMS[alg], SECRET_BITS[alg]
    is_fixed = row.key_bytes_min == row.key_bytes_max
    assert is_fixed is not alg.startswith(("HS", "PBES2"))
    assert len(JWK.generate(alg, bits=usual).raw.private) * 8 == usual
    with pytest.raises(ConfigurationError, match="multiple of 8"):
        JWK.generate(alg, bits=usual + 1)
    for more in (usual + 8, 8 * SECRET_BYTES_MAX):
        if is_fixed:
            with pytest.raises(ConfigurationError):
                JWK.generate(alg, bits=more)
        else:
            assert len(JWK.generate(alg, bits=more).raw.private) * 8 == more
    with pytest.raises(ConfigurationError):
        JWK.generate(alg, bits=8 * SECRET_BYTES_MAX + 8)
    for less in (row.key_bytes_min * 8 - 8, 0, -8):
        with pytest.raises(WeakKey):
            JWK.generate(alg, bits=less)


@pytest.mark.parametrize("bits", [128, 192, 256, 384, 512])
def test_a_key_for_dir_is_as_long_as_one_for_some_enc(bits: int) -> None:
    key = JWK.generate("dir", bits=bits)
    assert len(key.raw.private) * 8 == bits
    fitting = [enc for enc, row in CONTENT_ENCRYPTIONS.items() if row.cek_bytes * 8 == bits]
    assert fitting
    for enc in CONTENT_ENCRYPTIONS:
        if enc in fitting:
            assert jwe.decrypt(jwe.encrypt(b"x", key, enc=enc), key).plaintext == b"x"
        else:
            with pytest.raises(ConfigurationError):
                jwe.encrypt(b"x", key, enc=enc)


def test_a_key_for_dir_needs_bits_that_some_enc_takes() -> None:
    with pytest.raises(ConfigurationError, match=r"bits=.*JWK.generate\('A256GCM'\)"):
        JWK.generate("dir")
    for bits in (136, 200, 320, 448):
        with pytest.raises(ConfigurationError, match="128, 192, 256, 384, 512"):
            JWK.generate("dir", bits=bits)
        with pytest.raises(KeyFormatError, match="as long as that of its enc"):
            JWK.from_secret(bytes(bits // 8), alg="dir")
    for bits in (0, 64, 120):
        with pytest.raises(WeakKey):
            JWK.generate("dir", bits=bits)
        with pytest.raises(WeakKey):
            JWK.from_secret(bytes(bits // 8), alg="dir")
    with pytest.raises(ConfigurationError):
        JWK.generate("dir", bits=520)
    with pytest.raises(KeyFormatError):
        JWK.from_secret(bytes(65), alg="dir")


@pytest.mark.parametrize("alg", [name for name, row in ALGORITHMS.items() if row.kty == "RSA"])
def test_the_bounds_of_an_rsa_key(alg: str) -> None:
    assert JWK.generate(alg).raw.private.key_size == 2048
    for bits in (0, 512, 1024, 2047):
        with pytest.raises(WeakKey):
            JWK.generate(alg, bits=bits)
    for bits in (2049, 2050, 16_385, 16_392, 2**31):
        with pytest.raises(ConfigurationError):
            JWK.generate(alg, bits=bits)
    with pytest.raises(ConfigurationError, match="no crv"):
        JWK.generate(alg, crv="P-256")


@pytest.mark.parametrize("alg, crv", ON_CURVES)
def test_a_size_does_not_go_with_a_curve(alg: str, crv: str) -> None:
    for words in ({"bits": 256}, {"bits": 256, "crv": crv}):
        with pytest.raises(ConfigurationError, match="leave bits out"):
            JWK.generate(alg, **words)
    for wrong in ("", "P-224", "p-256", "P256", "secp256r1", "Curve25519", *{c for _, c in ON_CURVES}):
        if wrong not in ALGORITHMS[alg].curves:
            with pytest.raises(ConfigurationError, match="keys have crv"):
                JWK.generate(alg, crv=wrong)


@pytest.mark.parametrize("alg", ["ML-DSA-44", "ML-DSA-65", "ML-DSA-87"])
def test_an_ml_dsa_key_has_no_size_and_no_curve(alg: str) -> None:
    with pytest.raises(ConfigurationError):
        JWK.generate(alg, bits=256)
    with pytest.raises(ConfigurationError):
        JWK.generate(alg, crv="Ed25519")
    assert JWK.generate(alg).crv is None
    assert "crv" not in JWK.generate(alg).to_dict()


@pytest.mark.parametrize("alg", ["none", "NONE", "", "hs256", "HS256 ", "ES521", "A256", "DEF", "ECDH-1PU", "P-256"])
def test_no_other_name(alg: str) -> None:
    with pytest.raises(ConfigurationError, match="expected one of HS256"):
        JWK.generate(alg)


def test_a_mistake_in_the_type_of_a_word() -> None:
    for alg in (None, 5, ["HS256"], b"HS256"):
        with pytest.raises(ConfigurationError):
            JWK.generate(alg)  # type: ignore[arg-type]
    for bits in ("256", 256.0, [256]):
        for name in ("HS256", "RS256"):
            with pytest.raises(TypeError):
                JWK.generate(name, bits=bits)  # type: ignore[arg-type]
