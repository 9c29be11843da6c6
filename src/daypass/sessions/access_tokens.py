"""The access tokens of sessions, in the format of a policy. Enters: a ring, a policy. Leaves: what issues, verifies.

Tokens of several formats are accepted side by side, each under its own keys, so that nodes go over to another format
one by one while the tokens from before live on. Where one format alone is accepted, nothing stands in its way.

Source: DESIGN.md 3 (formats of an access token) and 5; RFC 8725 3.1, 3.11.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, Protocol, final

from daypass.claims import Claims
from daypass.errors import ConfigurationError
from daypass.keyring.ring import KeyRing
from daypass.sessions.policy import REFERENCE, SessionFormat, SessionPolicy
from daypass.tokens.any_of import AnyOf
from daypass.tokens.format import FormatName, format_of
from daypass.tokens.issuer import Issuer
from daypass.tokens.verifier import Verifier

if TYPE_CHECKING:
    from daypass.sessions.reference import References

__all__ = ["AccessTokens", "Issue", "accepted_names", "first_alg", "missing_algs"]

_ALGS: Final[Mapping[str, tuple[str, ...]]] = {
    "jwt": ("EdDSA",),
    "jwe": ("A256GCM",),
    "nested": ("EdDSA", "A256GCM"),
    "paseto-v4-public": ("v4.public",),
    "paseto-v4-local": ("v4.local",),
    "paseto-v3-public": ("v3.public",),
    "paseto-v3-local": ("v3.local",),
    REFERENCE: (),  # its keys derive from the secrets that every ring has
}
_LAYERS: Final[Mapping[str, tuple[FormatName, ...]]] = {"nested": ("jwt", "jwe")}
"""Whose keys a format takes, layer by layer; all others take their own."""


class Issue(Protocol):
    """Issues an access token."""

    def __call__(self, claims: Mapping[str, Any], expires_at: int) -> str:
        """From the claims of a session and an end in epoch seconds to a token."""
        ...


@final
class AccessTokens:
    """What issues and verifies the access tokens of sessions.

    Args:
        ring: its keys.
        policy: the format, and those that are accepted besides.
        store: keeps what reference tokens stand for.
        issuer: ``iss``.
        audience: ``aud``.
        clock: epoch seconds.

    Attributes:
        issue: makes a token.
        verify: from a token to its claims. Raises TokenError: refused.

    Raises:
        ConfigurationError: the ring has no key for a format, or the store keeps no reference tokens.
    """

    __slots__ = ("issue", "verify")
    issue: Issue
    verify: Callable[[str], Claims]

    def __init__(
        self,
        ring: KeyRing,
        policy: SessionPolicy,
        store: object,
        *,
        issuer: str,
        audience: str,
        clock: Callable[[], float],
    ) -> None:
        accepted = accepted_names(policy)
        for name in accepted:
            _demand_keys(ring, name, is_issued=name == policy.format)
        references = None
        if REFERENCE in accepted:
            from daypass.sessions.reference import References, keeps_references  # no JWT pays for the room of PASETO

            references = References(
                ring,
                keeps_references(store),
                issuer=issuer,
                audience=audience,
                leeway_s=policy.leeway_s,
                clock=clock,
            )
        verifiers = [
            Verifier(
                ring,
                issuer=issuer,
                audience=audience,
                format=name,
                decrypt_with=ring if name == "nested" else None,
                leeway_s=policy.leeway_s,
                clock=clock,
            )
            for name in map(_self_contained, accepted)
            if name is not None
        ]
        self.verify = _verify_of(verifiers, references)
        issued = _self_contained(policy.format)
        if issued is None:
            assert references is not None
            self.issue = references.issue
            return
        self.issue = Issuer(
            ring,
            issuer=issuer,
            audience=audience,
            lifetime_s=policy.access_lifetime_s,
            format=issued,
            encrypt_to=ring if issued == "nested" else None,
            bytes_max=policy.token_bytes_max,
            clock=clock,
        ).issue


def accepted_names(policy: SessionPolicy) -> tuple[SessionFormat, ...]:
    """Name every format that is accepted, the one that is issued first."""
    return tuple(dict.fromkeys((policy.format, *policy.accepted_formats)))


def first_alg(name: SessionFormat) -> str:
    """Name the key that a new ring for a format is made with."""
    return (_ALGS[name] or _ALGS["jwt"])[0]


def missing_algs(ring: KeyRing, name: SessionFormat, *, is_issued: bool) -> tuple[str, ...]:
    """Name the keys that a ring lacks for a format.

    Args:
        ring: whose keys.
        name: of the format.
        is_issued: whether tokens of it are issued, not only accepted.
    """
    own = _self_contained(name)
    if own is None:
        return ()
    missing = []
    for layer, alg in zip(_LAYERS.get(own, (own,)), _ALGS[own], strict=True):
        is_for = format_of(layer).is_for
        if not any(map(is_for, ring.verification_keys())) or (is_issued and not any(map(is_for, ring.signing_keys()))):
            missing.append(alg)
    return tuple(missing)


def _self_contained(name: SessionFormat) -> FormatName | None:
    """The format of an Issuer; None for tokens that have to be looked up."""
    return None if name == REFERENCE else name


def _verify_of(verifiers: list[Verifier], references: References | None) -> Callable[[str], Claims]:
    """What verifies a token of each format that is accepted."""
    if references is None and len(verifiers) == 1:
        return verifiers[0].verify
    if references is None:
        return AnyOf(*verifiers).verify
    look_up = references.verify
    if not verifiers:
        return look_up
    from daypass.sessions.reference import PREFIX

    verify_others = verifiers[0].verify if len(verifiers) == 1 else AnyOf(*verifiers).verify

    def verify(token: str) -> Claims:
        given: object = token
        is_reference = isinstance(given, str) and given.startswith(PREFIX)
        del given
        try:
            return look_up(token) if is_reference else verify_others(token)
        finally:
            del token  # where the store is away, an error service would be shown tokens that live

    return verify


def _demand_keys(ring: KeyRing, name: SessionFormat, *, is_issued: bool) -> None:
    """Refuse a ring without the keys of a format, and say what makes one."""
    for alg in missing_algs(ring, name, is_issued=is_issued):
        word = "format" if is_issued else "accepted_formats"
        raise ConfigurationError(
            f"{word} names {name!r}, and the key ring has no key for it: `daypass keys rotate --alg {alg}`, or"
            f" KeyRing.rotate(alg={alg!r}), adds one beside the others"
        )
