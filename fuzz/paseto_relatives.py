"""Relatives of a key of PASETO: some of them good keys, some off by one rule, some no key at all.

Enters: version, kind, octets of a key. Leaves: octets. Source: PASERK types; RFC 8032 5.1; RFC 8017 A.1.
"""

from __future__ import annotations

from typing import Any

from fuzz import der, key_material, keys, paseto_keys
from fuzz.chance import Chance
from fuzz.judge import octets as decoded
from fuzz.paseto_keys import ED25519_PRIME, P384_ORDER

RSA_NAMES = ("n", "e", "d", "p", "q", "dp", "dq", "qi")


def relative(version: int, kind: str, key: bytes, chance: Chance) -> bytes:
    """Change the octets of a key as its kind suggests."""
    if chance.once_in(6):
        return chance.octets(key)
    if kind == "local":
        return chance.random.randbytes(32) if chance.once_in(3) else chance.fixed_size(key)
    if version == 1:
        return _rsa(kind, key, chance)
    if kind == "public":
        return _p384_point(key, chance) if version == 3 else _ed25519_point(key, chance)
    if version == 3:
        scalars = (0, 1, 2, P384_ORDER - 1, P384_ORDER, P384_ORDER + 1, 2**384 - 1)
        return chance.pick(scalars).to_bytes(48, "big") if chance.once_in(2) else chance.fixed_size(key)
    if chance.once_in(2):
        return chance.fixed_size(key)
    seed = chance.random.randbytes(32)
    public = keys.OKP["Ed25519"][0].from_private_bytes(seed).public_key().public_bytes_raw()
    return seed + (public if chance.once_in(2) else key[32:])


def _ed25519_point(key: bytes, chance: Chance) -> bytes:
    """Edges, points of small and of mixed order, and any octets: half of those are on the curve."""
    kind = chance.random.randrange(4)
    if kind == 0:
        y = chance.pick((0, 1, 2, -2, -1, ED25519_PRIME, ED25519_PRIME + 1, ED25519_PRIME + 2, ED25519_PRIME - 1))
        return (y % 2**255 | chance.pick((0, 1)) << 255).to_bytes(32, "little")
    if kind == 1:  # with a point of order two added: minus x, minus y
        number = int.from_bytes(key[:32], "little")
        y, sign = number % 2**255, number >> 255
        return (-y % ED25519_PRIME | (1 - sign) << 255).to_bytes(32, "little")
    return chance.random.randbytes(32) if kind == 2 else chance.fixed_size(key)


def _p384_point(key: bytes, chance: Chance) -> bytes:
    prime = key_material.P384
    kind = chance.random.randrange(4)
    if kind == 0:
        return chance.pick((b"\x02", b"\x03", b"\x04", b"\0", b"\x06")) + key[1:]
    if kind == 1:
        x = chance.pick((0, 1, prime - 1, prime, prime + 1, 2**384 - 1))
        return chance.pick((b"\x02", b"\x03")) + x.to_bytes(48, "big")
    if kind == 2:
        return chance.pick((b"\x02", b"\x03")) + chance.random.randbytes(48)
    return chance.fixed_size(key)


def _rsa(kind: str, key: bytes, chance: Chance) -> bytes:
    """Change the DER, its numbers, or how long the key is."""
    if chance.once_in(40):
        make: Any = paseto_keys.secret_octets if kind == "secret" else paseto_keys.public_octets
        return bytes(make(1, chance.pick((paseto_keys.sealing_rsa(), paseto_keys.secret(1)))))
    if kind == "secret" and chance.once_in(2):
        members = key_material.relative(keys.rsa_members(), chance)
        numbers = (0, *(int.from_bytes(decoded(members[name]), "big") for name in RSA_NAMES))
        return der.encode([der.Node(0x30, children=[_integer(number) for number in numbers])])
    try:
        return der.mutate(key, chance)
    except ValueError:
        return chance.octets(key)


def _integer(number: int) -> der.Node:
    return der.Node(2, number.to_bytes(number.bit_length() // 8 + 1, "big"))
