"""The verification cache: bounded, exact about times, and nobody else's."""

import copy
import tracemalloc
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daypass.encoding import decode_object
from daypass.errors import Expired, MalformedToken, TokenError, UnknownKey
from daypass.keyring.ring import KeyRing
from daypass.limits import CACHED_TOKEN_BYTES_MAX, CACHED_VALUES_MAX
from daypass.tokens.cache import cached
from tests import formats
from tests.formats import NAMES, PARTIES

ENTRY_BYTES_MAX = 24_000
"""What the documentation says of the largest entry."""
USUAL_ENTRY_BYTES_MAX = 4_000


class Proofs:
    """Proves tokens, and counts how often."""

    def __init__(self, claims: dict[str, dict[str, Any]]) -> None:
        self.claims = claims
        self.count = 0
        self.now_s = 100.0

    def __call__(self, token: str) -> dict[str, Any]:
        self.count += 1
        claims = copy.deepcopy(self.claims[token])
        if not self.now_s < claims.get("exp", 1e12):
            raise Expired(claims["exp"])
        return claims

    def behind_a_cache(self, entries_max: int, leeway_s: float = 0) -> Any:
        return cached(self, entries_max=entries_max, leeway_s=leeway_s, clock=lambda: self.now_s)


def test_a_cache_is_bounded_and_keeps_what_is_used() -> None:
    proofs = Proofs({"used": {"sub": "u"}} | {str(number): {"n": number} for number in range(1000)})
    verify = proofs.behind_a_cache(10)
    assert verify("used") == {"sub": "u"}
    for number in range(1000):
        assert verify(str(number)) == {"n": number}
        assert verify("used") == {"sub": "u"}
    assert proofs.count == 1001  # what is in use outlives the old generation
    for recent in range(990, 1000):
        verify(str(recent))
    assert proofs.count == 1001
    verify("0")
    assert proofs.count == 1002


def test_a_long_token_is_not_kept() -> None:
    longest, too_long = "x" * CACHED_TOKEN_BYTES_MAX, "y" * (CACHED_TOKEN_BYTES_MAX + 1)
    proofs = Proofs({longest: {}, too_long: {}})
    verify = proofs.behind_a_cache(10)
    for _ in range(3):
        verify(longest)
    assert proofs.count == 1
    for _ in range(3):
        verify(too_long)
    assert proofs.count == 4


def test_times_are_compared_on_every_hit_and_a_dead_token_is_forgotten() -> None:
    proofs = Proofs({"t": {"exp": 200, "nbf": 100}})
    verify = proofs.behind_a_cache(10)
    for proofs.now_s in (100.0, 150.0, 199.999):
        assert verify("t")
    assert proofs.count == 1
    for proofs.now_s in (200.0, 1e9):
        with pytest.raises(Expired):
            verify("t")
    assert proofs.count == 3
    proofs.now_s = 150.0  # put back: it is proven anew
    assert verify("t")
    assert proofs.count == 4
    proofs.now_s = float("nan")
    with pytest.raises(Expired):
        verify("t")


@pytest.mark.parametrize(
    "claims",
    [
        {},
        {"a": 1, "b": None, "c": "text", "d": 1.5, "e": True},
        {"a": [1], "b": {"c": 1}},
        {"a": [[1]], "b": {"c": {"d": []}}},
        {f"n{number}": number for number in range(CACHED_VALUES_MAX + 1)},
        {"a": list(range(CACHED_VALUES_MAX))},
        {"big": 2**70, "small": -(2**63), "unit": 1e-300},
    ],
    ids=["none", "flat", "one level", "deep", "many", "long", "numbers"],
)
def test_what_comes_out_is_equal_and_nobody_elses(claims: dict[str, Any]) -> None:
    proofs = Proofs({"t": claims})
    verify = proofs.behind_a_cache(2)
    for _ in range(4):
        got = verify("t")
        assert got == claims
        assert list(got) == list(claims)
        spoil(got)
    assert proofs.count == 1


def spoil(value: Any) -> None:
    """Change everything that can be changed, from the inside."""
    for child in list(value.values()) if isinstance(value, dict) else list(value):
        if isinstance(child, dict | list):
            spoil(child)
    if isinstance(value, dict):
        value.clear()
        value["sub"] = "admin"
    else:
        value[:] = ["admin"]


scalars = st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | st.text()
containers = st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20)


@settings(max_examples=60, deadline=None)
@given(claims=st.dictionaries(st.text(), containers.filter(lambda value: value != float("inf")), max_size=8))
def test_a_changed_value_never_comes_back(claims: dict[str, Any]) -> None:
    """CVE-2026-35039: whatever a caller does to claims, the next one gets those of the token, in every format."""
    own = {f"x{name}": value for name, value in claims.items()}
    for name in ("jwt", "paseto-v4-local"):
        kit = formats.material(name)
        try:
            token = kit.issuer(bytes_max=60_000).issue(own)
        except (TypeError, ValueError):  # an infinity deeper down, a lone surrogate
            return
        plain = kit.verifier(bytes_max=60_000).verify(token)
        verify = kit.verifier(bytes_max=60_000, cache_entries=2).verify
        for _ in range(3):
            got = verify(token)
            assert got == plain
            spoil(got)


moves = st.lists(
    st.tuples(st.sampled_from(["verify", "tick", "back", "retire", "rotate", "issue"]), st.integers(0, 90)),
    min_size=5,
    max_size=30,
)


@settings(max_examples=60, deadline=None)
@given(moves=moves)
def test_a_cached_answer_is_the_one_that_no_cache_gives(moves: list[tuple[str, int]]) -> None:
    """A property: under any run of the clock and of the keys, expired tokens and retired keys included."""
    now_s = 1_800_000_000.0
    ring = KeyRing.in_memory(alg="HS256", clock=lambda: now_s)
    words = {**PARTIES, "clock": lambda: now_s}
    kit = formats.material("jwt")
    issue = kit.issuer(ring, lifetime_s=60, **words).issue
    remembering = kit.verifier(ring, cache_entries=3, **words).verify
    tokens = [issue({"sub": "0"})]
    for move, amount in moves:
        if move == "tick":
            now_s += amount
        elif move == "back":
            now_s -= amount / 10
        elif move == "issue":
            tokens.append(issue({"sub": str(len(tokens))}))
        elif move == "rotate":
            ring.rotate(at_once=True)
        elif move == "retire":
            old = [entry.kid for entry in ring.entries() if entry.retire_at is not None and entry.purpose == "sign"]
            if old:
                ring.retire(old[amount % len(old)])
        else:
            token = tokens[amount % len(tokens)]
            fresh = kit.verifier(ring, **words).verify  # knows nothing, and follows the ring of now
            assert outcome(remembering, token) == outcome(fresh, token)


def outcome(verify: Any, token: str) -> Any:
    try:
        return verify(token)
    except TokenError as error:
        return type(error), str(error)


@pytest.mark.parametrize("name", NAMES)
def test_a_retired_key_takes_its_remembered_tokens_along_at_once(name: str) -> None:
    kit, newer = formats.material(name), formats.make(name)
    ring = formats.Ring(kit.issuing, kit.verifying)
    token = kit.issuer(ring).issue({"sub": "u1"})
    verify = kit.verifier(ring, cache_entries=8).verify
    for _ in range(3):
        assert verify(token)["sub"] == "u1"
    ring.turn(newer.issuing, newer.verifying)
    with pytest.raises(TokenError):
        verify(token)
    ring.turn(kit.issuing, kit.verifying)
    assert verify(token)["sub"] == "u1"


def test_a_key_retired_in_a_ring_takes_its_remembered_tokens_along_at_once() -> None:
    ring = KeyRing.in_memory(alg="EdDSA")
    kit = formats.material("jwt")
    token = kit.issuer(ring).issue({"sub": "u1"})
    verify = kit.verifier(ring, cache_entries=8).verify
    assert verify(token) == verify(token)
    kid = ring.signing_keys()[0].kid
    ring.rotate(at_once=True)
    assert verify(token)
    assert kid is not None
    ring.retire(kid)
    with pytest.raises(UnknownKey):
        verify(token)


def test_a_str_of_somebodys_own_making_finds_nothing() -> None:
    class Alike(str):
        __slots__ = ()

        def __eq__(self, other: object) -> bool:
            return True

        def __hash__(self) -> int:
            return hash("t")

    proofs = Proofs({"t": {"sub": "u1"}})
    verify = proofs.behind_a_cache(4)
    assert verify("t")
    verify(Alike("t"))
    assert proofs.count == 2


def test_claims_that_are_too_deep_for_the_rest_of_the_stack_are_proven_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remembered near the top of the stack, asked for near its end: whoever verifies anew gets a TokenError."""

    def overflow(_raw: bytes) -> dict[str, Any]:
        raise RecursionError

    monkeypatch.setattr("daypass.tokens.cache.decode_object", overflow)
    proofs = Proofs({"t": {"a": [[1]]}})
    verify = proofs.behind_a_cache(4)
    assert verify("t") == verify("t") == {"a": [[1]]}
    assert proofs.count == 2


def bytes_of_an_entry(claims: dict[str, Any]) -> float:
    """What one more token costs, both generations being full of such."""
    encoded = msgspec.json.encode(claims)  # so that no two entries share a text
    verify = cached(lambda token: decode_object(encoded), entries_max=100, leeway_s=0, clock=lambda: 1.0)
    length = CACHED_TOKEN_BYTES_MAX if len(str(claims)) > 1000 else 600
    tracemalloc.start()
    try:
        for number in range(1000):
            verify(str(number).rjust(length, "t"))
        return tracemalloc.get_traced_memory()[0] / 200
    finally:
        tracemalloc.stop()


def test_its_memory_is_what_the_documentation_says() -> None:
    access = {
        "iss": "https://issuer.example",
        "aud": "https://api.example",
        "iat": 1_800_000_000,
        "exp": 1_800_000_600,
        "jti": "0" * 32,
        "sub": "5f0c1b7e-2b61-4c5c-9a3e-6d1f0c9be771",
        "sid": "0" * 22,
        "scope": "a b",
        "roles": ["editor", "billing"],
        "data": {"tenant": "acme", "seats": 12},
    }
    assert bytes_of_an_entry(access) < USUAL_ENTRY_BYTES_MAX
    text = 1500  # of claims, in a token of CACHED_TOKEN_BYTES_MAX
    for worst in (
        {f"{number:03x}": number * 1000 for number in range(CACHED_VALUES_MAX)},
        {f"{number:03x}": {} for number in range(CACHED_VALUES_MAX)},
        {f"{number:03x}": [] for number in range(text // 9)},
        {"a": [{} for _ in range(text // 3)]},
        {f"{number:x}": {"\u00e9": 1.5} for number in range(CACHED_VALUES_MAX // 2)},
        {f"{number:03x}": "\u00e9" * 6 for number in range(CACHED_VALUES_MAX)},
    ):
        assert bytes_of_an_entry(worst) < ENTRY_BYTES_MAX


def test_a_token_that_was_refused_is_not_remembered() -> None:
    verify = formats.material("jwt").verifier(cache_entries=4).verify
    for _ in range(3):
        with pytest.raises(MalformedToken):
            verify("no token")
