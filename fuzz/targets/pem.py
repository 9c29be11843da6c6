"""PEM, DER, certificates and OpenSSH lines: the loaders of ``JWK`` against the parser that they use, asked directly.

An input is the content of a file. Each loader takes it or refuses it with an error about keys; a key that is taken is
the one that ``cryptography`` reads there, keeps the rules for a JWK, and is written and read again as the same key.
"""

from __future__ import annotations

import datetime
import warnings
from base64 import b64decode, encodebytes
from binascii import Error
from collections.abc import Callable
from functools import cache
from typing import Any
from zlib import crc32

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives import serialization as s

from daypass.errors import KeyFormatError, WeakKey
from daypass.jose.jwk import JWK
from daypass.jose.key_rules import ALGORITHMS
from fuzz import der, key_material, keys
from fuzz.chance import Chance
from fuzz.judge import agree, attempt, demand, furthest
from fuzz.keys import b64u
from fuzz.target import Target

REFUSALS = (KeyFormatError, WeakKey)
PASSWORD = b"password"
ALGS = ("RS256", "ES256", "ES384", "ES512", "ES256K", "EdDSA", "ECDH-ES+A128KW", "ML-DSA-44", "RSA-OAEP-256")
LABELS: tuple[str, ...] = (
    "PUBLIC KEY",
    "PRIVATE KEY",
    "RSA PUBLIC KEY",
    "RSA PRIVATE KEY",
    "EC PRIVATE KEY",
    "ENCRYPTED PRIVATE KEY",
)
LABELS += (
    "CERTIFICATE",
    "EC PARAMETERS",
    "OPENSSH PRIVATE KEY",
    "CERTIFICATE REQUEST",
    "X509 CERTIFICATE",
    "DSA PRIVATE KEY",
)


# ----------------------------------------------------------------------------------------------------- judge


def objects(data: bytes) -> dict[str, list[Any]]:
    """What ``cryptography`` reads, by the name of the loader of ``JWK``."""
    readers: dict[str, list[Callable[[], Any]]] = {
        "from_pem": [lambda: s.load_pem_private_key(data, None), lambda: s.load_pem_public_key(data)],
        "from_der": [lambda: s.load_der_private_key(data, None), lambda: s.load_der_public_key(data)],
        "from_x509": [
            lambda: _first(x509.load_pem_x509_certificates(data)).public_key(),
            lambda: x509.load_der_x509_certificate(data).public_key(),
        ],
        "from_ssh": [lambda: s.load_ssh_public_key(data.strip())],
    }
    return {name: [key for read in those if (key := _read(read)) is not None] for name, those in readers.items()}


def _first(chain: list[x509.Certificate]) -> x509.Certificate:
    return chain[0]


def _read(read: Callable[[], Any]) -> Any:  # noqa: ANN401 - any of a dozen classes
    try:
        return read()
    except Exception:  # noqa: BLE001 - whatever the parser dislikes, it is no key
        return None


def public_numbers(key: Any) -> object:  # noqa: ANN401 - any of a dozen classes
    """What is public of a key object."""
    public = key.public_key() if hasattr(key, "private_bytes") else key
    return public.public_bytes(s.Encoding.DER, s.PublicFormat.SubjectPublicKeyInfo)


# ----------------------------------------------------------------------------------------------------- a try


def run(data: bytes) -> str:
    """Load with every loader, under the algorithm that fits and under another."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the judge reads forms that its parser is about to give up
        read = objects(data)
        stages = []
        for name, found in read.items():
            algs = {ALGS[crc32(data) % len(ALGS)], _algorithm_of(found)} - {None}
            stages += [_load(name, data, str(alg), found, None) for alg in sorted(algs, key=str)]
        if b"ENCRYPTED" in data or data[:1] == b"\x30":
            stages += [_load(name, data, "EdDSA", [], PASSWORD) for name in ("from_pem", "from_der")]
        return furthest(stages)


def _algorithm_of(found: list[Any]) -> str | None:
    """An algorithm that takes such a key."""
    for key in found:
        name = type(key).__name__ + getattr(getattr(key, "curve", None), "name", "")
        kinds = {
            "RSA": "RS256",
            "secp256r1": "ES256",
            "secp384r1": "ES384",
            "secp521r1": "ES512",
            "secp256k1": "ES256K",
            "Ed25519": "EdDSA",
            "Ed448": "EdDSA",
            "X25519": "ECDH-ES",
            "X448": "ECDH-ES",
            "MLDSA44": "ML-DSA-44",
            "MLDSA65": "ML-DSA-65",
            "MLDSA87": "ML-DSA-87",
        }
        return next((alg for kind, alg in kinds.items() if kind in name and alg in ALGORITHMS), None)
    return None


def _load(name: str, data: bytes, alg: str, found: list[Any], password: bytes | None) -> str:
    """One loader, one algorithm."""
    words: dict[str, Any] = {"alg": alg} if password is None else {"alg": alg, "password": password}
    stage, key = attempt(lambda: getattr(JWK, name)(data, **words), REFUSALS)
    if key is None:
        return stage
    if password is None:
        spki = key.to_pem() if key.kty != "oct" else b""
        same = [one for one in found if public_numbers(one) == public_numbers(s.load_pem_public_key(spki))]
        demand(bool(same), f"{name}: the key is another than the one that is written there")
    members = key.to_dict(private=key.is_private)
    chain = {"x5c", "x5t#S256"}
    plain = {name: value for name, value in members.items() if name not in chain}
    agree("accepted", key_material.judge(plain), f"{name}: a key that a JWK may not hold")
    if key.kty == "RSA" and key.is_private and crc32(data) % 8:
        return stage  # such a key takes 20 ms to load
    demand(JWK.from_dict(members).to_dict(private=key.is_private) == members, f"{name}: as a JWK it is another key")
    for private in (False, True) if key.is_private else (False,):
        for form in ("pem", "der"):
            text = getattr(key, f"to_{form}")(private=private)
            again = getattr(JWK, f"from_{form}")(text, alg=alg, kid=key.kid)
            same_members = {name: value for name, value in key.to_dict(private=private).items() if name not in chain}
            demand(again.to_dict(private=private) == same_members, f"{name}: written as {form} it is another key")
    return stage


# --------------------------------------------------------------------------------------------------- inputs


def armoured(label: str, raw: bytes) -> bytes:
    """PEM."""
    return b"-----BEGIN %b-----\n%b-----END %b-----\n" % (label.encode(), encodebytes(raw), label.encode())


@cache
def key_objects() -> tuple[Any, ...]:
    """Private keys of every kind."""
    return (
        keys.rsa_key(),
        *(keys.ec_key(crv) for crv in keys.CURVES),
        *(keys.okp_key(crv) for crv in keys.OKP),
        keys.mldsa_key("ML-DSA-44"),
    )


def _certificate(key: Any) -> x509.Certificate:  # noqa: ANN401 - any of a dozen classes
    """A certificate that a key signs for itself."""
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "fuzz")])
    begin = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, begin, begin + datetime.timedelta(days=9))
    kind = type(key).__name__
    return builder.sign(key, None if "Ed" in kind and "EC" not in kind else hashes.SHA256())


@cache
def good() -> tuple[bytes, ...]:
    """Every form of every key."""
    found = []
    encodings = (s.Encoding.PEM, s.Encoding.DER)
    for key in key_objects():
        kind = type(key).__name__
        public = key.public_key()
        for encoding in encodings:
            found.append(key.private_bytes(encoding, s.PrivateFormat.PKCS8, s.NoEncryption()))
            found.append(public.public_bytes(encoding, s.PublicFormat.SubjectPublicKeyInfo))
            if kind.startswith(("RSA", "EC")):
                found.append(key.private_bytes(encoding, s.PrivateFormat.TraditionalOpenSSL, s.NoEncryption()))
            if kind.startswith("RSA"):
                found.append(public.public_bytes(encoding, s.PublicFormat.PKCS1))
            if kind.startswith(("RSA", "Ed")) or getattr(getattr(key, "curve", None), "name", "") == "secp256r1":
                found.append(_certificate(key).public_bytes(encoding))
        if kind.startswith(("RSA", "Ed25519")) or getattr(getattr(key, "curve", None), "name", "").endswith("r1"):
            found.append(public.public_bytes(s.Encoding.OpenSSH, s.PublicFormat.OpenSSH) + b" me@here")
    signer = keys.okp_key("Ed25519")
    how = s.BestAvailableEncryption(PASSWORD)
    found += [signer.private_bytes(encoding, s.PrivateFormat.PKCS8, how) for encoding in encodings]
    found.append(signer.private_bytes(s.Encoding.PEM, s.PrivateFormat.OpenSSH, s.NoEncryption()))
    chain = [_certificate(key).public_bytes(s.Encoding.PEM) for key in (keys.ec_key("P-256"), keys.rsa_key())]
    return (*found, b"".join(chain), b'{"kty":"oct"}')


def mutate(data: bytes, chance: Chance) -> bytes:
    """Change the DER inside, its armour, or the line."""
    if chance.once_in(20):
        return chance.octets(data)
    if data[:1] == b"\x30":
        changed = _der(data, chance)
        return changed if not chance.once_in(6) else armoured(chance.pick(LABELS), changed)
    begin, _, rest = data.partition(b"-----BEGIN ")
    label, _, rest = rest.partition(b"-----")
    body, _, end = rest.partition(b"-----END ")
    if label and end:
        return _armour(begin, label, body, chance)
    words = data.split(b" ")
    if len(words) > 1 and words[0].startswith((b"ssh-", b"ecdsa-")):
        return _line(words, chance)
    return chance.octets(data) if chance.once_in(4) else chance.pick(good())


def _der(raw: bytes, chance: Chance) -> bytes:
    try:
        return der.mutate(raw, chance)
    except ValueError:
        return chance.octets(raw)


def _armour(begin: bytes, label: bytes, body: bytes, chance: Chance) -> bytes:
    try:
        raw = b64decode(body)
    except Error:
        return chance.pick(good())
    kind = chance.random.randrange(10)
    if kind == 0:
        return armoured(chance.pick(LABELS), raw)
    if kind == 1:
        return chance.pick((begin + b"x", b"\n", b"\xef\xbb\xbf", b" ")) + armoured(label.decode("latin-1"), raw)
    if kind == 2:
        return armoured(label.decode("latin-1"), raw) * 2
    if kind == 3:
        text = armoured(label.decode("latin-1"), raw)
        return chance.pick(
            (text.replace(b"\n", b"\r\n"), text.replace(b"\n", b"\\n"), text.replace(b"\n", b" "), text[:-3])
        )
    if kind == 4:
        return raw
    if kind == 5:
        return armoured(label.decode("latin-1"), raw).replace(b"-----\n", b"-----\n" + b"Proc-Type: 4,ENCRYPTED\n\n", 1)
    return armoured(label.decode("latin-1", "replace").encode("ascii", "replace").decode(), _der(raw, chance))


def _line(words: list[bytes], chance: Chance) -> bytes:
    """Change the fields of an OpenSSH key, each of which says its length."""
    try:
        raw, fields = b64decode(words[1]), []
    except Error:
        return chance.pick(good())
    while len(raw) >= 4:
        length = int.from_bytes(raw[:4], "big")
        fields.append(raw[4 : 4 + length])
        raw = raw[4 + length :]
    kind = chance.random.randrange(4)
    at = chance.random.randrange(len(fields) or 1)
    if kind == 0 or not fields:
        return b" ".join([chance.pick((b"ssh-rsa", b"ssh-ed25519", b"ecdsa-sha2-nistp256", b"ssh-dss")), *words[1:]])
    if kind == 1:
        return chance.octets(b" ".join(words))
    fields[at] = chance.fixed_size(fields[at])
    line = b"".join(len(field).to_bytes(4, "big") + field for field in fields)
    return b" ".join(
        [words[0], b64u(line).replace("-", "+").replace("_", "/").encode() + b"=" * (-len(line) % 3), *words[2:]]
    )


TARGET = Target(
    name="pem",
    reads="PEM, DER, X.509 and OpenSSH keys",
    concerns=(
        "jose/key_formats.py",
        "jose/der.py",
        "jose/certificate.py",
        "jose/raw_key.py",
        "jose/jwk_members.py",
        "jose/jwk.py",
    ),
    seeds=lambda: list(good()),
    mutate=mutate,
    run=run,
)
