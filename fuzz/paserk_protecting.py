"""PASERK as the judge makes and opens it: plain, wrapped (pie), under a password, sealed, and ids.

Enters: version, type and data, or a key to protect under the fixed ones. Leaves: the key's octets, or data; ``Refuse``
where there is no such key, ``Undecided`` where to open it would cost more than a fuzzer has time for.
Source: PASERK types; operations/Wrap/pie, PBKW, PKE, ID.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable
from hashlib import blake2b, pbkdf2_hmac, sha384, sha512
from typing import NamedTuple

from cryptography.hazmat.primitives.asymmetric import ec, x25519
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from nacl.bindings import crypto_pwhash_alg, crypto_pwhash_ALG_ARGON2ID13

from daypass import limits
from fuzz import keys, paseto_keys
from fuzz.judge import Refuse, Undecided, octets
from fuzz.keys import b64u, derived
from fuzz.paseto_sealing import aes_ctr, xchacha20

PASSWORD = b"password"
TYPES: tuple[str, ...] = ("local", "secret", "public", "lid", "sid", "pid", "local-wrap.pie", "secret-wrap.pie")
TYPES += ("local-pw", "secret-pw", "seal")
HEADER = re.compile(rf"k([1-4])\.({'|'.join(re.escape(name) for name in TYPES)})\.", re.ASCII)
WORDS = {"wrap.pie": "wrapping_key", "pw": "password", "seal": "unsealing_key"}
IDS = {"local": "lid", "secret": "sid", "public": "pid"}
NIST = (1, 3)
CHEAP_ROUNDS_MAX, CHEAP_WORK_BYTES_MAX = 3000, 1024 * 1024
CAPSULE_BYTES = {1: 512, 2: 32, 3: 49, 4: 32}


class Text(NamedTuple):
    """A PASERK, taken apart."""

    version: int
    type: str
    data: bytes

    @property
    def header(self) -> bytes:
        """What stands before the data."""
        return f"k{self.version}.{self.type}.".encode()

    @property
    def kind(self) -> str:
        """Of the key in it."""
        return "local" if self.type == "seal" else self.type.partition("-")[0]

    @property
    def word(self) -> str:
        """What ``load`` has to be given; empty: nothing."""
        return WORDS.get(self.type.partition("-")[2] or self.type, "")


def split(text: str) -> Text:
    """Read a PASERK. Raises Refuse."""
    header = HEADER.match(text)
    if header is None or not text.isascii() or len(text) > limits.PASERK_BYTES_MAX:
        raise Refuse("no PASERK")
    return Text(int(header[1]), header[2], octets(text[header.end() :]))


def joined(it: Text) -> str:
    """Write a PASERK."""
    return it.header.decode() + b64u(it.data)


def key_id(version: int, kind: str, key: bytes) -> str:
    """The id of a key. Source: PASERK operations/ID."""
    header = f"k{version}.{IDS[kind]}."
    named = (header + joined(Text(version, kind, key))).encode()
    return header + b64u(sha384(named).digest()[:33] if version in NIST else blake2b(named, digest_size=33).digest())


# ---------------------------------------------------------------------------------------------------- opened


def opened(it: Text) -> bytes:
    """The octets of the key in a PASERK, with the fixed words. Raises Refuse or Undecided."""
    if it.type in IDS.values():
        raise Refuse("the name of a key, and no key")
    protected = {"password": _from_password, "wrapping_key": _from_wrap, "unsealing_key": _from_seal}
    key = protected[it.word](it) if it.word else it.data
    if it.version == 1 and it.type == "secret-pw" and key.startswith(paseto_keys.PEM_OF_RSA):
        return paseto_keys.rsa_of_pem(key)
    paseto_keys.demand_key(it.version, it.kind, key)
    return key


class Locks(NamedTuple):
    """What one PASERK is locked with."""

    encryption: bytes
    nonce: bytes
    authentication: bytes


def _tag(version: int, key: bytes, message: bytes) -> bytes:
    if version in NIST:
        return hmac.digest(key, message, "sha384")
    return blake2b(message, digest_size=32, key=key).digest()


def _cipher(version: int, locks: Locks, data: bytes) -> bytes:
    return (aes_ctr if version in NIST else xchacha20)(locks.encryption, locks.nonce, data)


def tag_bytes(version: int) -> int:
    """How long a tag is."""
    return 48 if version in NIST else 32


def nonce_bytes(version: int) -> int:
    """How long the nonce of a cipher is."""
    return 16 if version in NIST else 24


def _unlocked(it: Text, locks: Locks, context: bytes, ciphertext: bytes, tag: bytes) -> bytes:
    if not hmac.compare_digest(_tag(it.version, locks.authentication, it.header + context + ciphertext), tag):
        raise Refuse("the tag does not hold")
    return _cipher(it.version, locks, ciphertext)


def _locked(it: Text, locks: Locks, context: bytes, key: bytes) -> tuple[bytes, bytes]:
    ciphertext = _cipher(it.version, locks, key)
    return ciphertext, _tag(it.version, locks.authentication, it.header + context + ciphertext)


# ------------------------------------------------------------------------------------------------------- pie


def _wrap_locks(version: int, nonce: bytes) -> Locks:
    key = paseto_keys.local(version, "wrapping")
    if version in NIST:
        both = hmac.digest(key, b"\x80" + nonce, "sha384")
        return Locks(both[:32], both[32:], hmac.digest(key, b"\x81" + nonce, "sha384")[:32])
    both = blake2b(b"\x80" + nonce, digest_size=56, key=key).digest()
    return Locks(both[:32], both[32:], blake2b(b"\x81" + nonce, digest_size=32, key=key).digest())


def _from_wrap(it: Text) -> bytes:
    size = tag_bytes(it.version)
    tag, nonce, ciphertext = it.data[:size], it.data[size : size + 32], it.data[size + 32 :]
    return _unlocked(it, _wrap_locks(it.version, nonce), nonce, ciphertext, tag)


# -------------------------------------------------------------------------------------------------- password


def head_bytes(version: int) -> tuple[int, int]:
    """How long salt and costs are."""
    return (32, 4) if version in NIST else (16, 16)


def small_costs(version: int) -> bytes:
    """The least that is taken."""
    if version in NIST:
        return limits.PBES2_COUNT_MIN.to_bytes(4, "big")
    return (8192).to_bytes(8, "big") + (1).to_bytes(4, "big") * 2


def cost_of(it: Text) -> str:
    """Whether the costs that a PASERK names are cheap, dear, or refused."""
    salt, size = head_bytes(it.version)
    costs = it.data[salt : salt + size]
    if it.version in NIST:
        rounds = int.from_bytes(costs, "big")
        if not limits.PBES2_COUNT_MIN <= rounds <= limits.PASERK_PBKDF2_COUNT_MAX:
            return "refused"
        return "cheap" if rounds <= CHEAP_ROUNDS_MAX else "dear"
    memory, passes, lanes = (int.from_bytes(part, "big") for part in (costs[:8], costs[8:12], costs[12:]))
    if not (1 <= lanes <= limits.ARGON2_LANES_MAX and 1 <= passes <= limits.ARGON2_PASS_COUNT_MAX):
        return "refused"
    if memory % 1024 or not 8192 * lanes <= memory <= limits.ARGON2_MEMORY_BYTES_MAX:
        return "refused"
    if memory * passes > limits.ARGON2_WORK_BYTES_MAX:
        return "refused"
    return "cheap" if memory * passes <= CHEAP_WORK_BYTES_MAX else "dear"


def _password_locks(version: int, salt: bytes, costs: bytes, nonce: bytes) -> Locks:
    if version in NIST:
        key = pbkdf2_hmac("sha384", PASSWORD, salt, int.from_bytes(costs, "big"), 32)
        return Locks(sha384(b"\xff" + key).digest()[:32], nonce, sha384(b"\xfe" + key).digest())
    memory, passes, lanes = (int.from_bytes(part, "big") for part in (costs[:8], costs[8:12], costs[12:]))
    if lanes == 1 and memory % 1024 == 0:
        key = crypto_pwhash_alg(32, PASSWORD, salt, passes, memory, crypto_pwhash_ALG_ARGON2ID13)
    else:  # libsodium knows one lane alone
        how = Argon2id(salt=salt, length=32, iterations=passes, lanes=lanes, memory_cost=memory // 1024)
        key = how.derive(PASSWORD)
    encryption, authentication = (blake2b(first + key, digest_size=32).digest() for first in (b"\xff", b"\xfe"))
    return Locks(encryption, nonce, authentication)


def _from_password(it: Text) -> bytes:
    salt, costs = head_bytes(it.version)
    head, tag = salt + costs + nonce_bytes(it.version), tag_bytes(it.version)
    key_bytes = {("local", it.version): 32, ("secret", 3): 48, ("secret", 2): 64, ("secret", 4): 64}
    wanted = key_bytes.get((it.kind, it.version))
    if len(it.data) <= head + tag or (wanted and len(it.data) != head + wanted + tag):
        raise Refuse("data of another length")
    cost = cost_of(it)
    if cost == "refused":
        raise Refuse("costs too much, or too little")
    if cost == "dear":
        raise Undecided
    locks = _password_locks(it.version, it.data[:salt], it.data[salt : salt + costs], it.data[salt + costs : head])
    return _unlocked(it, locks, it.data[:head], it.data[head:-tag], it.data[-tag:])


# ------------------------------------------------------------------------------------------------------ seal


def _agreed(version: int, header: bytes, shared: bytes, capsule: bytes, receiver: bytes) -> Locks:
    if version == 3:
        first, second = (sha384(bytes([n]) + header + shared + capsule + receiver).digest() for n in (1, 2))
        return Locks(first[:32], first[32:], second)
    first, second = (
        blake2b(bytes([n]) + header + shared + capsule + receiver, digest_size=32).digest() for n in (1, 2)
    )
    return Locks(first, blake2b(capsule + receiver, digest_size=24).digest(), second)


def _encapsulated(header: bytes, number: bytes, capsule: bytes) -> Locks:
    """The locks of RSA-KEM. Source: PASERK operations/PKE, Version 1."""
    key = sha384(capsule).digest()
    first, second = (hmac.digest(key, bytes([n]) + header + number, "sha384") for n in (1, 2))
    return Locks(first[:32], first[32:], second)


def _receiver_x25519(version: int) -> x25519.X25519PrivateKey:
    """The fixed key of Ed25519, as one of X25519. Source: RFC 8032 5.1.5; RFC 7748 5."""
    seed = paseto_keys.secret(version).private_bytes_raw()
    return x25519.X25519PrivateKey.from_private_bytes(sha512(seed).digest()[:32])


def _seal_locks(it: Text, capsule: bytes) -> Locks:
    """What the receiver derives from a capsule. Raises Refuse."""
    if it.version == 1:
        private = paseto_keys.sealing_rsa().private_numbers()
        wanted = int.from_bytes(capsule, "big")
        if wanted >= private.public_numbers.n:
            raise Refuse("no number below the modulus")
        by_p, by_q = pow(wanted, private.dmp1, private.p), pow(wanted, private.dmq1, private.q)
        number = by_q + private.q * (private.iqmp * (by_p - by_q) % private.p)
        return _encapsulated(it.header, number.to_bytes(512, "big"), capsule)
    try:
        if it.version == 3:
            secret = paseto_keys.secret(3)
            point = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP384R1(), capsule)
            shared = secret.exchange(ec.ECDH(), point)
            return _agreed(3, it.header, shared, capsule, paseto_keys.public_octets(3, secret))
        receiver = _receiver_x25519(it.version)
        shared = receiver.exchange(x25519.X25519PublicKey.from_public_bytes(capsule))
    except ValueError:
        raise Refuse("no point, or one that agrees on nothing") from None
    return _agreed(it.version, it.header, shared, capsule, receiver.public_key().public_bytes_raw())


def _from_seal(it: Text) -> bytes:
    tag, size = tag_bytes(it.version), CAPSULE_BYTES[it.version]
    if len(it.data) != tag + size + 32:
        raise Refuse("data of another length")
    rest = it.data[tag:]
    capsule, ciphertext = (rest[-size:], rest[:-size]) if it.version == 1 else (rest[:size], rest[size:])
    return _unlocked(it, _seal_locks(it, capsule), capsule, ciphertext, it.data[:tag])


# ------------------------------------------------------------------------------------------------- protected


def protected(version: int, name: str, key: bytes, costs: bytes | None = None) -> Text:
    """Protect octets, whatever they are, as a type says. Nonces, salts and capsules are fixed: nothing is secret."""
    it = Text(version, name, b"")
    makers: dict[str, Callable[[], bytes]] = {
        "wrapping_key": lambda: _to_wrap(it, key),
        "password": lambda: _to_password(it, key, costs or small_costs(version)),
        "unsealing_key": lambda: _to_seal(it, key),
        "": lambda: key,
    }
    return it._replace(data=makers[it.word]())


def _to_wrap(it: Text, key: bytes) -> bytes:
    nonce = derived("wrap", 32)
    ciphertext, tag = _locked(it, _wrap_locks(it.version, nonce), nonce, key)
    return tag + nonce + ciphertext


def _to_password(it: Text, key: bytes, costs: bytes) -> bytes:
    salt, nonce = derived("salt", head_bytes(it.version)[0]), derived("nonce", nonce_bytes(it.version))
    head = salt + costs + nonce
    spent = costs if _is_affordable(it.version, costs) else small_costs(it.version)
    ciphertext, tag = _locked(it, _password_locks(it.version, salt, spent, nonce), head, key)
    return head + ciphertext + tag


def _is_affordable(version: int, costs: bytes) -> bool:
    """Whether costs can be spent, allowed or not: a bound that is not kept would let the key out."""
    if version in NIST:
        return 0 < int.from_bytes(costs, "big") <= CHEAP_ROUNDS_MAX
    memory, passes, lanes = (int.from_bytes(part, "big") for part in (costs[:8], costs[8:12], costs[12:]))
    return passes > 0 and 0 < 8 * lanes <= memory // 1024 and memory * passes <= CHEAP_WORK_BYTES_MAX


def _to_seal(it: Text, key: bytes) -> bytes:
    if it.version == 1:
        number = derived("number", 512)[1:]
        public = paseto_keys.sealing_rsa().public_key().public_numbers()
        capsule = pow(int.from_bytes(number, "big"), public.e, public.n).to_bytes(512, "big")
        ciphertext, tag = _locked(it, _encapsulated(it.header, b"\0" + number, capsule), capsule, key)
        return tag + ciphertext + capsule
    ephemeral = keys.ec_key("P-384", "ephemeral") if it.version == 3 else keys.okp_key("X25519", "ephemeral")
    capsule = paseto_keys.public_octets(it.version, ephemeral)
    ciphertext, tag = _locked(it, _seal_locks(it, capsule), capsule, key)
    return tag + capsule + ciphertext
