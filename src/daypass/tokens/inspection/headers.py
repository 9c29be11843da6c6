"""What is wrong with the header of a JOSE token, as far as it can be told without a key.

Enters: headers of a stranger, and the lengths of what stands beside them. Leaves: findings. Nothing is fetched,
nothing is computed: algorithms are looked up in the tables, and compared by name and length.
Source: RFC 7515 4; RFC 7516 4; RFC 7518 3, 4; RFC 8725 2, 3.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from daypass.claims import short_typ
from daypass.jose.jwa.content_encryption import CONTENT_ENCRYPTIONS
from daypass.jose.jwa.key_management import KEY_MANAGEMENT_ALGORITHMS
from daypass.jose.jwa.signature import SIGNATURE_ALGORITHMS
from daypass.limits import (
    KID_BYTES_MAX,
    PBES2_COUNT_DEFAULT,
    PBES2_COUNT_MAX,
    PBES2_COUNT_MIN,
    PBES2_SALT_BYTES_MIN,
    RSA_MODULUS_BITS_MIN,
)
from daypass.tokens.inspection.findings import Findings, place_of, read_octets

__all__ = ["inspect_encryption", "inspect_header", "inspect_kid", "inspect_signature", "typ_of"]

_TEXTS: Final = (
    "alg",
    "enc",
    "zip",
    "kid",
    "typ",
    "cty",
    "jku",
    "x5u",
    "x5t",
    "x5t#S256",
    "apu",
    "apv",
    "iv",
    "tag",
    "p2s",
)
_KEY_SOURCES: Final = ("jwk", "jku", "x5c", "x5u")
_PRIVATE_PARTS: Final = ("d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv")
_UNDERSTOOD: Final = frozenset({"b64"})
"""What ``crit`` may name. Source: RFC 7797 6."""
_SIGNATURE_BYTES: Final[Mapping[str, tuple[int, ...]]] = {
    "HS256": (32,),
    "HS384": (48,),
    "HS512": (64,),
    "ES256": (64,),
    "ES384": (96,),
    "ES512": (132,),
    "ES256K": (64,),
    "EdDSA": (64, 114),
    "Ed25519": (64,),
    "Ed448": (114,),
    "ML-DSA-44": (2420,),
    "ML-DSA-65": (3309,),
    "ML-DSA-87": (4627,),
}
"""Source: RFC 7518 3.2, 3.4; RFC 8037 3.1; RFC 8812 3.2; FIPS 204 table 2."""
_OCTETS: Final = ("apu", "apv", "iv", "tag", "p2s")
"""Parameters of key management that are base64url. Source: RFC 7518 4.6.1, 4.7.1, 4.8.1."""
_RSA_BYTES_MIN: Final = RSA_MODULUS_BITS_MIN // 8
# What looks up files, asks a database or starts a shell where a kid is put into a path, a query or a command.
_ODD_KID: Final = re.compile(
    r"\.\.[/\\]|^/(?:dev|etc|proc|tmp|var|usr|home|root|sys)\b|^[A-Za-z]:\\|^(?:file|data|gopher|ftp):"
    r"|['\"`;|<>\\]|\$\(|&&|[\x00-\x1f\x7f-\x9f]|\b(?:union|select|insert|delete|drop)\s",
    re.IGNORECASE,
)


def inspect_header(found: Findings, members: Mapping[str, Any], where: str, *, is_protected: bool = True) -> None:
    """Look at what every header may hold: types, ``crit``, ``kid``, ``zip``, embedded keys.

    Args:
        found: collects.
        members: of one header.
        where: its place.
        is_protected: whether a signature or tag covers it.

    Source: RFC 7515 4.1; RFC 7516 4.1; RFC 8725 3.5, 3.6, 3.10.
    """
    for name in _TEXTS:
        if name in members and not isinstance(members[name], str):
            found.error("header_type", f"{where}.{name}", f"{name} must be a string")
    if "b64" in members and not isinstance(members["b64"], bool):
        found.error("header_type", f"{where}.b64", "b64 must be true or false")
    _inspect_crit(found, members, where, is_protected)
    inspect_kid(found, members.get("kid"), f"{where}.kid")
    _inspect_keys(found, members, where)
    if "zip" in members and not is_protected:
        found.error("zip", f"{where}.zip", "zip must be in the protected header")
    elif members.get("zip") == "DEF":
        found.warning(
            "zip",
            f"{where}.zip",
            "compressed before it was encrypted: its length tells of its content, and little may inflate to much;"
            " daypass decrypts it only with allow_zip",
        )
    elif "zip" in members:
        found.error("zip", f"{where}.zip", "no compression of that name: there is DEF, and it is better left out")


def _inspect_crit(found: Findings, members: Mapping[str, Any], where: str, is_protected: bool) -> None:
    """Source: RFC 7515 4.1.11; RFC 7797 6."""
    place = f"{where}.crit"
    if "crit" not in members:
        if "b64" in members:
            found.error("crit", f"{where}.b64", "b64 must be named in crit, or others would read another payload")
        return
    names = members["crit"]
    if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
        found.error("crit", place, "crit must be a non-empty list of strings")
        return
    if not is_protected:
        found.error("crit", place, "crit must be in the protected header")
    for name in names:
        if name not in members:
            found.error("crit", place_of(place, [name]), "crit names a parameter that the header does not have")
        elif name not in _UNDERSTOOD:
            found.error(
                "crit_unknown",
                place_of(place, [name]),
                "a critical parameter that daypass does not know: whoever does not understand it must refuse the token",
            )


def inspect_kid(found: Findings, kid: object, where: str) -> None:
    """Look at the name of a key, which may be an attack on whoever looks keys up by it.

    Source: RFC 7515 4.1.4; RFC 8725 3.10.
    """
    if not isinstance(kid, str):
        return
    if len(kid.encode("utf-8", "replace")) > KID_BYTES_MAX:
        found.error("kid_too_long", where, f"the kid is longer than {KID_BYTES_MAX} bytes")
    if _ODD_KID.search(kid[: 2 * KID_BYTES_MAX]):
        found.warning(
            "kid_suspicious",
            where,
            "the kid looks like a path, a query or a command: look keys up in a fixed set, never by a file or database",
        )


def _inspect_keys(found: Findings, members: Mapping[str, Any], where: str) -> None:
    """Keys, and places of keys, that the token brings along. Source: RFC 8725 3.10; RFC 9449 4.2."""
    is_proof = typ_of(members.get("typ")) == "dpop+jwt"
    for name in _KEY_SOURCES:
        if name not in members:
            continue
        if name == "jwk" and is_proof:
            found.info(
                "embedded_key", f"{where}.jwk", "the key of a DPoP proof: it counts where a token is bound to it"
            )
        else:
            what = "a key comes along" if name in ("jwk", "x5c") else "an address of a key comes along"
            found.warning(
                "embedded_key",
                f"{where}.{name}",
                f"{what}: whoever made the token chose it, so it proves nothing; daypass ignores it",
            )
    for name in ("jwk", "epk"):
        key = members.get(name)
        if isinstance(key, dict) and any(part in key for part in _PRIVATE_PARTS):
            found.error(
                "private_key",
                f"{where}.{name}",
                "it holds private or secret parts: this key is public now, and must not be used any longer",
            )


# -------------------------------------------------------------------------------------------------- signatures


def inspect_signature(
    found: Findings, members: Mapping[str, Any], signature: bytes | None, *, where: str, signature_place: str
) -> None:
    """Look at the algorithm of a signature, and whether the signature can be one of it.

    Args:
        found: collects.
        members: of the protected and the unprotected header together.
        signature: decoded; None where that failed.
        where: the place of the header.
        signature_place: the place of the signature.

    Source: RFC 7518 3; RFC 8725 2.1, 3.1, 3.2.
    """
    alg, place = members.get("alg"), f"{where}.alg"
    if alg is None:
        found.error("alg_missing", place, "the header names no alg")
    if not isinstance(alg, str):
        return
    if alg.strip("\0 \t\r\n").lower() == "none":
        found.error("alg_none", place, "nothing protects this token (alg none): anybody can have written it")
    elif alg not in SIGNATURE_ALGORITHMS:
        _unknown_algorithm(found, alg, place, known=SIGNATURE_ALGORITHMS, other=KEY_MANAGEMENT_ALGORITHMS)
    else:
        _inspect_known_algorithm(found, alg, members, where)
    if signature is not None:
        _inspect_signature_bytes(found, alg, len(signature), signature_place)


def _inspect_known_algorithm(found: Findings, alg: str, members: Mapping[str, Any], where: str) -> None:
    if alg.startswith("HS") and not set(_KEY_SOURCES).isdisjoint(members):
        found.error(
            "alg_confusion",
            f"{where}.alg",
            "a symmetric algorithm, and a public key beside it: whoever can read that key could have signed",
        )
    if alg == "EdDSA":
        found.info("alg_name", f"{where}.alg", "RFC 9864 replaces EdDSA by Ed25519 and Ed448, which say what they are")


def _inspect_signature_bytes(found: Findings, alg: str, length: int, place: str) -> None:
    expected = _SIGNATURE_BYTES.get(alg, ())
    if not length:
        found.error("no_signature", place, "the signature is empty: nothing protects this token")
    elif alg[:2] in ("RS", "PS") and alg in SIGNATURE_ALGORITHMS and length < _RSA_BYTES_MIN:
        found.error(
            "weak_key", place, f"the RSA key has fewer than {RSA_MODULUS_BITS_MIN} bits: its signature is too short"
        )
    elif expected and length not in expected:
        found.error("signature_length", place, "no signature of this alg has this length")


# -------------------------------------------------------------------------------------------------- encryption


def inspect_encryption(
    found: Findings, members: Mapping[str, Any], encrypted_key: bytes | None, *, where: str, key_place: str
) -> None:
    """Look at the two algorithms of an encrypted token, and what they need.

    Args:
        found: collects.
        members: of all headers that hold for one recipient, together.
        encrypted_key: decoded, empty where there is none; None where that failed.
        where: the place of the header.
        key_place: the place of the encrypted key.

    Source: RFC 7518 4, 5; RFC 8725 3.2.
    """
    alg, enc = members.get("alg"), members.get("enc")
    for name, value in (("alg", alg), ("enc", enc)):
        if value is None:
            found.error(f"{name}_missing", f"{where}.{name}", f"the header names no {name}")
    if isinstance(enc, str) and enc not in CONTENT_ENCRYPTIONS:
        _unknown_algorithm(found, enc, f"{where}.enc", known=CONTENT_ENCRYPTIONS, other=KEY_MANAGEMENT_ALGORITHMS)
    if not isinstance(alg, str):
        return
    row = KEY_MANAGEMENT_ALGORITHMS.get(alg)
    if row is None:
        _unknown_algorithm(found, alg, f"{where}.alg", known=KEY_MANAGEMENT_ALGORITHMS, other=SIGNATURE_ALGORITHMS)
        return
    for name in row.needs:
        if name not in members:
            found.error("parameter_missing", f"{where}.{name}", f"this alg needs the parameter {name}")
    for name in _OCTETS:
        text = members.get(name)
        if isinstance(text, str) and row.needs and read_octets(text)[1]:
            found.error("base64url", f"{where}.{name}", f"{name} is no canonical base64url: verifiers refuse it")
    if row.kty != "oct":
        found.info(
            "unknown_sender", f"{where}.alg", "whoever has the public key can have written this: no sender is proved"
        )
    if alg == "RSA1_5":
        found.error(
            "alg_deprecated",
            f"{where}.alg",
            "RSA1_5 must not be used any longer (Bleichenbacher's attack): RSA-OAEP-256 takes its place",
        )
    if alg.startswith("PBES2"):
        _inspect_password(found, members, where)
    if encrypted_key is not None:
        _inspect_encrypted_key(found, len(encrypted_key), is_direct=row.is_direct, kty=row.kty, place=key_place)


def _inspect_encrypted_key(found: Findings, length: int, *, is_direct: bool, kty: str, place: str) -> None:
    if is_direct and length:
        found.error("encrypted_key", place, "with this alg there is no encrypted key")
    elif not is_direct and not length:
        found.error("encrypted_key", place, "with this alg there is an encrypted key, and this one is empty")
    elif kty == "RSA" and length < _RSA_BYTES_MIN:
        found.error(
            "weak_key",
            place,
            f"the RSA key has fewer than {RSA_MODULUS_BITS_MIN} bits: what it encrypted is too short",
        )


def _inspect_password(found: Findings, members: Mapping[str, Any], where: str) -> None:
    """Source: RFC 7518 4.8.1."""
    found.warning(
        "password",
        f"{where}.alg",
        "a password protects it, and whoever holds it can guess for ever; daypass decrypts it only with allow_pbes2",
    )
    count, place = members.get("p2c", PBES2_COUNT_DEFAULT), f"{where}.p2c"
    if "p2c" in members and (type(count) is not int or not PBES2_COUNT_MIN <= count <= PBES2_COUNT_MAX):
        found.error(
            "p2c",
            place,
            f"p2c must be {PBES2_COUNT_MIN} to {PBES2_COUNT_MAX}: fewer protect nothing, more are an attack",
        )
    elif "p2c" in members and count < PBES2_COUNT_DEFAULT:
        found.warning("p2c", place, f"p2c is below the {PBES2_COUNT_DEFAULT} that are advised today: guessing is cheap")
    salt = members.get("p2s")
    raw = read_octets(salt)[0] if isinstance(salt, str) else None
    if raw is not None and len(raw) < PBES2_SALT_BYTES_MIN:
        found.error("p2s", f"{where}.p2s", f"the salt is shorter than {PBES2_SALT_BYTES_MIN} bytes")


def _unknown_algorithm(
    found: Findings, name: str, where: str, *, known: Mapping[str, object], other: Mapping[str, object]
) -> None:
    near = [one for one in known if one.lower() == name.strip().lower()]
    if near:
        found.error("alg_unknown", where, f"names are compared exactly: it is spelled {near[0]}")
    elif name in other:
        found.error("alg_unknown", where, "an algorithm for something else: a signature, or an encryption")
    else:
        found.error("alg_unknown", where, "no algorithm that daypass knows: it would refuse the token")


def typ_of(typ: object) -> str:
    """A ``typ`` as it is compared: lower case, without ``application/``; empty where there is none.

    Source: RFC 7515 4.1.9.
    """
    return short_typ(typ) if isinstance(typ, str) and typ.isascii() else ""
