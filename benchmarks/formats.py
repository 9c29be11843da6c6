"""PASETO beside its peer, and every format of a token beside the others, with and without the verification cache."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import pyseto
from nacl.bindings import crypto_sign, crypto_sign_open

from benchmarks.material import AUDIENCE, ISSUER, key_of, own_claims
from benchmarks.report import Bar, Group, rows_of
from benchmarks.rounds import Call, measure
from daypass import paseto
from daypass.claims import ClaimsPolicy
from daypass.jose.jwk import JWK
from daypass.keyring.ring import KeyRing
from daypass.paseto.keys import LocalKey, SecretKey
from daypass.tokens.format import FormatName
from daypass.tokens.issuer import Issuer
from daypass.tokens.verifier import Verifier

__all__ = ["cache_group", "formats_group", "paseto_issue_group", "paseto_verify_group"]

OURS = "daypass Verifier.verify"
PEER = "pyseto"
HS256 = "jwt, HS256"
PARTIES: dict[str, Any] = {"issuer": ISSUER, "audience": AUDIENCE}
POLICY = ClaimsPolicy(typ="at+jwt", **PARTIES)


class Kit(NamedTuple):
    """One format with its keys."""

    title: str
    format: FormatName
    issuing: Any
    verifying: Any
    outer: JWK | None = None

    def issue(self) -> Callable[[dict[str, Any]], str]:
        given = {**PARTIES, "format": self.format, "lifetime_s": 600, "encrypt_to": self.outer}
        return Issuer(self.issuing, **given).issue

    def verify(self, cache_entries: int = 0) -> Callable[[str], dict[str, Any]]:
        given = {**PARTIES, "format": self.format, "decrypt_with": self.outer, "cache_entries": cache_entries}
        return Verifier(self.verifying, **given).verify

    def token(self) -> bytes:
        return self.issue()(own_claims()).encode()


def kits() -> list[Kit]:
    """Every format; of ``jwt``, each algorithm that is measured elsewhere too."""
    signed = [(alg, key_of(alg)) for alg in ("HS256", "RS256", "ES256", "EdDSA")]
    shared, outer = JWK.generate("A256GCM"), JWK.generate("A256GCM")
    found = [
        *(Kit(f"jwt, {alg}", "jwt", key, key if alg == "HS256" else key.public()) for alg, key in signed),
        Kit("jwe, dir + A256GCM", "jwe", shared, shared),
        Kit("nested, EdDSA in dir + A256GCM", "nested", key_of("EdDSA"), key_of("EdDSA").public(), outer),
    ]
    for version in (4, 3):
        secret, local = SecretKey.generate(version), LocalKey.generate(version)
        public_name, local_name = f"paseto-v{version}-public", f"paseto-v{version}-local"
        found.append(Kit(public_name, public_name, secret, secret.public()))  # type: ignore[arg-type]
        found.append(Kit(local_name, local_name, local, local))  # type: ignore[arg-type]
    return found


# ------------------------------------------------------------------------------------------ beside the peer


Purpose = Literal["public", "local"]


def paseto_verify_group(version: Literal[3, 4], purpose: Purpose, *, most: float | None, rounds: int) -> Group:
    """Verify or decrypt the 12 claims of an access token, a new ``str`` each time.

    Everybody checks signature or tag, footer, ``exp``, ``nbf`` and ``aud``, and demands ``iss``, ``typ``, an ``exp``:
    what pyseto does not ask is asked of its answer.
    """
    kit = _paseto_kit(version, purpose)
    raw, verify = kit.token(), kit.verify()
    low_level = paseto.verify_claims if purpose == "public" else paseto.decrypt_claims
    contestants: dict[str, Call] = {
        OURS: lambda: verify(raw.decode()),
        f"daypass paseto.{low_level.__name__}": lambda: low_level(raw.decode(), kit.verifying, policy=POLICY),
        PEER: _pyseto_verify(kit, raw),
    }
    if (version, purpose) == (4, "public"):
        contestants["the primitive alone"] = _bare_open(kit, raw)
    _demand_the_same_checks(kit)
    result = measure(contestants, rounds=rounds)
    verb = "verify" if purpose == "public" else "decrypt"
    bars = () if most is None else (Bar(OURS, PEER, most),)
    return rows_of(f"v{version}.{purpose} {verb}, 12 claims, {len(raw)} characters", result, PEER, bars)


def paseto_issue_group(version: Literal[3, 4], purpose: Purpose, *, rounds: int) -> Group:
    """From what a session knows to a token; the peer is given claims that are ready."""
    kit = _paseto_kit(version, purpose)
    issue, own = kit.issue(), own_claims()
    opened = paseto.verify if purpose == "public" else paseto.decrypt
    got = opened(kit.token().decode(), kit.verifying)
    theirs, ready = _pyseto_key(kit.issuing), json.loads(got.payload)
    contestants: dict[str, Call] = {
        "daypass Issuer.issue": lambda: issue(own),
        "pyseto, claims that are ready": lambda: pyseto.encode(theirs, ready, footer=got.footer, serializer=json),
    }
    verb = "sign" if purpose == "public" else "encrypt"
    result = measure(contestants, rounds=rounds)
    return rows_of(f"v{version}.{purpose} {verb}", result, "pyseto, claims that are ready")


def _paseto_kit(version: Literal[3, 4], purpose: Purpose) -> Kit:
    return next(kit for kit in kits() if kit.format == f"paseto-v{version}-{purpose}")


def _pyseto_key(key: Any) -> Any:
    return pyseto.Key.from_paserk(paseto.paserk.dump(key))


def _pyseto_verify(kit: Kit, raw: bytes) -> Call:
    key, decode = _pyseto_key(kit.verifying), pyseto.decode

    def verify() -> dict[str, Any]:
        claims: Any = decode(key, raw.decode(), deserializer=json, aud=AUDIENCE).payload
        if claims["iss"] != ISSUER or claims["typ"] != "at+jwt" or "exp" not in claims:
            raise ValueError
        return claims  # type: ignore[no-any-return]

    return verify


def _bare_open(kit: Kit, raw: bytes) -> Call:
    signed, point = crypto_sign(raw, kit.issuing.to_bytes()), kit.verifying.to_bytes()
    return lambda: crypto_sign_open(signed, point)


def _demand_the_same_checks(kit: Kit) -> None:
    """Show both what must be accepted and what must be refused; a comparison with one that is blind says nothing."""
    write = paseto.sign_claims if kit.format.endswith("public") else paseto.encrypt_claims
    claims = {
        **own_claims(),
        "iss": ISSUER,
        "aud": AUDIENCE,
        "typ": "at+jwt",
        "jti": "j",
        "iat": 1,
        "exp": 4_000_000_000,
    }
    wrong = [claims | {name: "x"} for name in ("iss", "aud", "typ")]
    wrong += [{name: value for name, value in claims.items() if name != absent} for absent in ("iss", "aud", "typ")]
    wrong += [claims | {"exp": 1}, claims | {"nbf": 3_999_999_999}]
    for given, is_good in [(claims, True), *((one, False) for one in wrong)]:
        raw = write(given, kit.issuing, lifetime_s=None, footer=b"{}").encode()
        verify = kit.verify()
        for name, call in {OURS: lambda: verify(raw.decode()), PEER: _pyseto_verify(kit, raw)}.items():  # noqa: B023
            try:
                call()
            except Exception:
                if is_good:
                    raise
                continue
            if not is_good:
                raise AssertionError(f"{name} accepts what the other refuses")


# -------------------------------------------------------------------------------------------- side by side


def formats_group(*, rounds: int) -> Group:
    """What a format costs the API that verifies its tokens."""
    contestants: dict[str, Call] = {}
    for kit in kits():
        contestants[kit.title] = _verifying(kit.verify(), kit.token())
    result = measure(contestants, rounds=rounds)
    notes = tuple(f"{kit.title}: {len(kit.token())} characters" for kit in kits())
    return rows_of("Verifier.verify by format, 12 claims", result, HS256, notes=notes)


def cache_group(*, rounds: int) -> Group:
    """A token that comes again, with Verifier(cache_entries=...), beside HS256 without a cache."""
    contestants: dict[str, Call] = {}
    bars: list[Bar] = []
    for kit in kits():
        raw = kit.token()
        if kit.title == HS256:
            contestants[HS256] = _verifying(kit.verify(), raw)
        hit = f"{kit.title}, cached"
        contestants[hit] = _verifying(kit.verify(cache_entries=1024), raw)
        bars.append(Bar(hit, HS256, 0.2))
    ring = KeyRing.in_memory(alg="EdDSA")
    followed = Kit("jwt, EdDSA of a KeyRing", "jwt", ring, ring)
    contestants[f"{followed.title}, cached"] = _verifying(followed.verify(cache_entries=1024), followed.token())
    result = measure(contestants, rounds=rounds)
    return rows_of("a hit of the verification cache, 12 claims", result, HS256, tuple(bars))


def _verifying(verify: Callable[[str], object], raw: bytes) -> Call:
    return lambda: verify(raw.decode())
