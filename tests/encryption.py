"""Keys for every key management and curve, made once, and the words that tests of encryption share."""

from functools import cache
from typing import Any

from daypass.jose.jwa.content_encryption import CONTENT_ENCRYPTIONS
from daypass.jose.jwa.key_management import KEY_MANAGEMENT_ALGORITHMS
from daypass.jose.jwk import JWK

ENCS = tuple(CONTENT_ENCRYPTIONS)
ALGS = tuple(KEY_MANAGEMENT_ALGORITHMS)
KINDS = [(alg, crv) for alg, row in KEY_MANAGEMENT_ALGORITHMS.items() for crv in (row.curves or (None,))]
"""Every algorithm, over every curve that it has."""
WRAPPING = [(alg, crv) for alg, crv in KINDS if not KEY_MANAGEMENT_ALGORITHMS[alg].is_direct]
"""Those that several recipients may have."""
EVERYTHING: dict[str, Any] = {"allow_zip": True, "allow_pbes2": True, "allow_rsa1_5": True}
PASSWORD = b"Thus from my lips, by yours, my sin is purged."


def named(alg: str, crv: str | None) -> str:
    return alg if crv is None else f"{alg}-{crv}"


@cache
def key_for(alg: str, crv: str | None = None, enc: str = "A128GCM") -> JWK:
    """A private or symmetric key; those of RSA share their numbers, which take their time to find."""
    if alg.startswith("PBES2"):
        return JWK.from_secret(PASSWORD, alg=alg, kid=f"k {alg}")
    if alg == "dir":
        return JWK.generate("dir", bits=8 * CONTENT_ENCRYPTIONS[enc].cek_bytes, kid=f"k {alg}")
    if KEY_MANAGEMENT_ALGORITHMS[alg].kty == "RSA" and alg != "RSA-OAEP":
        return JWK.from_dict({**key_for("RSA-OAEP").to_dict(private=True), "alg": alg, "kid": f"k {alg}"})
    return JWK.generate(alg, crv=crv, kid=f"k {named(alg, crv)}")


def fresh(key: JWK) -> JWK:
    """The same key, which remembers nothing."""
    return JWK.from_dict(key.to_dict(private=True))


def half(key: JWK) -> JWK:
    """What a sender has."""
    return key if key.kty == "oct" else key.public()


def words_for(alg: str) -> dict[str, Any]:
    """The exception that an algorithm needs."""
    return {"allow_pbes2": True} if alg.startswith("PBES2") else {"allow_rsa1_5": True} if alg == "RSA1_5" else {}


def cheap(alg: str) -> dict[str, Any] | None:
    """Header parameters that make PBES2 quick."""
    return {"p2c": 1000} if alg.startswith("PBES2") else None
