"""The guard of the hot path, without noise: bytecodes and C calls are counted, not seconds.

Counted is what one call does after a warm-up, in an interpreter of its own: neither coverage nor xdist nor what other
tests left behind has a part in it. A count is the same in every run; one look-up more is seen. Bytecodes may get fewer,
C calls are exactly those that are recorded. Where a change is meant to cost more, this renews the record for every
Python that `make matrix` has made an environment of:

    python tests/test_hot_path.py
"""

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

HERE = Path(__file__).resolve()
RECORD = HERE.with_name("hot_path.json")
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
PATHS = ("Verifier.verify", "jwt.verify", "jwt.sign", "Issuer.issue")
RENEW = "python tests/test_hot_path.py"

Call = Callable[[], object]
Count = dict[str, Any]

WARM_UP_CALLS = 40
COUNTED_CALLS = 9
SECRET = bytes(range(7, 39))


# ------------------------------------------------------------------------------------- in an own interpreter


def counted_calls() -> dict[str, Call]:
    """What is counted: HS256, the twelve claims of an access token. One call more proves that the counters see."""
    from daypass.claims import ClaimsPolicy
    from daypass.jose import jwt
    from daypass.jose.jwk import JWK
    from daypass.tokens.issuer import Issuer
    from daypass.tokens.verifier import Verifier

    parties = {"issuer": "https://login.example.com", "audience": "https://api.example.com"}
    key = JWK.from_secret(SECRET, alg="HS256")
    own = {
        "sub": "5f0c1b7e-2b61-4c5c-9a3e-6d1f0c9be771",
        "client_id": "first-party",
        "sid": "hyKzLQ0PEWD0rQJH0d9fXg",
        "auth_time": 1_700_000_000,
        "scope": "orders:read orders:write",
        "roles": ["editor", "billing"],
        "data": {"tenant": "acme", "plan": "pro", "seats": 12},
    }
    issue = Issuer(key, lifetime_s=3600, **parties).issue
    token = issue(own)
    policy = ClaimsPolicy(typ="at+jwt", **parties)
    verify = Verifier(key, **parties).verify
    claims = jwt.verify(token, key, policy=policy)
    return {
        "Verifier.verify": partial(verify, token),
        "jwt.verify": partial(jwt.verify, token, key, policy=policy),
        "jwt.sign": partial(jwt.sign, claims, key),
        "Issuer.issue": partial(issue, own),
        "one look-up": lambda: own["sub"],
        "two look-ups": lambda: own["sub"] and own["sid"],
    }


def bytecodes_of(call: Call) -> int:
    """Count the bytecodes of every frame below this one."""
    count = 0

    def trace(frame: FrameType, event: str, arg: object) -> object:
        nonlocal count
        if event == "call":
            frame.f_trace_opcodes, frame.f_trace_lines = True, False
        elif event == "opcode":
            count += 1
        return trace

    sys.settrace(trace)
    try:
        call()
    finally:
        sys.settrace(None)
    return count


def c_calls_of(call: Call) -> Counter[str]:
    """Count the C functions that are called, by name."""
    names: Counter[str] = Counter()

    def profile(frame: FrameType, event: str, arg: Any) -> None:
        if event == "c_call" and arg is not sys.setprofile:
            names[arg.__qualname__] += 1

    sys.setprofile(profile)
    try:
        call()
    finally:
        sys.setprofile(None)
    return names


def count(call: Call) -> Count:
    """Count one call several times and take the common case: now and then a second turns, or random bytes are drawn."""
    for _ in range(WARM_UP_CALLS):
        call()
    bytecodes = Counter(bytecodes_of(call) for _ in range(COUNTED_CALLS))
    c_calls = Counter(tuple(sorted(c_calls_of(call).items())) for _ in range(COUNTED_CALLS))
    return {"bytecodes": bytecodes.most_common(1)[0][0], "c_calls": dict(c_calls.most_common(1)[0][0])}


# ------------------------------------------------------------------------------------------------- the tests


def counts_of(python: str) -> dict[str, Count]:
    """Count in a new process that nobody traces."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("COV", "PYTHON"))}
    command = [python, "-s", str(HERE), "--count"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert answer.returncode == 0, answer.stderr
    counts: dict[str, Count] = json.loads(answer.stdout)
    return counts


@pytest.fixture(scope="module")
def counts() -> dict[str, Count]:
    return counts_of(sys.executable)


@pytest.fixture(scope="module")
def recorded() -> dict[str, Count]:
    record = json.loads(RECORD.read_text(encoding="utf-8"))
    if PYTHON not in record:
        pytest.skip(f"nothing is recorded for Python {PYTHON}: {RENEW}")
    found: dict[str, Count] = record[PYTHON]
    return found


@pytest.mark.parametrize("path", PATHS)
def test_the_hot_path_takes_no_more_bytecodes(path: str, counts: dict[str, Count], recorded: dict[str, Count]) -> None:
    new, old = counts[path]["bytecodes"], recorded[path]["bytecodes"]
    assert new <= old, (
        f"{path} takes {new} bytecodes, {new - old} more than the {old} recorded for Python {PYTHON}."
        f" If the change is worth it: {RENEW}"
    )


@pytest.mark.parametrize("path", PATHS)
def test_the_hot_path_makes_the_same_c_calls(path: str, counts: dict[str, Count], recorded: dict[str, Count]) -> None:
    new, old = Counter(counts[path]["c_calls"]), Counter(recorded[path]["c_calls"])
    assert new == old, (
        f"{path} calls other C functions than recorded for Python {PYTHON}."
        f" New: {dict(new - old)}. Gone: {dict(old - new)}. If this is meant: {RENEW}"
    )


def test_the_counters_see_one_look_up(counts: dict[str, Count]) -> None:
    assert counts["one look-up"]["bytecodes"] < counts["two look-ups"]["bytecodes"]
    assert counts["Verifier.verify"]["c_calls"]["HMAC.finalize"] == 1


# ----------------------------------------------------------------------------------------------- the command


def pythons() -> dict[str, str]:
    """Name the interpreters that there are an environment of, by minor version; this one first."""
    found = {PYTHON: sys.executable}
    for python in sorted(HERE.parent.parent.glob(".venvs/3.*/bin/python")):
        found.setdefault(python.parent.parent.name, str(python))
    return found


def renew() -> None:
    """Write what is counted now, and say what has changed."""
    record = json.loads(RECORD.read_text(encoding="utf-8")) if RECORD.is_file() else {}
    for version, python in pythons().items():
        counts = counts_of(python)
        old = record.get(version, {})
        record[version] = {path: counts[path] for path in PATHS}
        for path in PATHS:
            before, now = old.get(path, {}), record[version][path]
            what = "unchanged" if before == now else f"was {before.get('bytecodes', '-')}"
            calls = sum(now["c_calls"].values())
            print(f"Python {version}: {path}: {now['bytecodes']} bytecodes, {calls} C calls, {what}")
    RECORD.write_text(json.dumps(dict(sorted(record.items())), indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    if sys.argv[1:] == ["--count"]:
        print(json.dumps({name: count(call) for name, call in counted_calls().items()}))
    else:
        renew()
