"""``python -m benchmarks``: measure daypass beside its peers, print the tables and say which bars are kept."""

from __future__ import annotations

import argparse
import os
import platform
import sys
import time
import warnings
from collections.abc import Callable, Iterable
from importlib.metadata import version
from typing import NamedTuple

import msgspec

from benchmarks.encryption import decrypt_group, encrypt_group, key_set_group, refusals_group
from benchmarks.formats import cache_group, formats_group, paseto_issue_group, paseto_verify_group
from benchmarks.imports import imports_group
from benchmarks.lookups import lookups_group
from benchmarks.million import million_in_postgresql, million_in_sqlite
from benchmarks.payloads import sign_sizes_group, verify_sizes_group
from benchmarks.refresh import refresh_in_mariadb, refresh_in_postgresql, refresh_in_redis, refresh_in_sqlite
from benchmarks.report import Group, Verdict, print_bars, print_group, progress
from benchmarks.servers import Missing, Place
from benchmarks.sessions import sessions_group
from benchmarks.signatures import NAMES, issue_group, sign_group, verify_group

MEASURED = (
    "daypass",
    "PyJWT",
    "joserfc",
    "jwcrypto",
    "python-jose",
    "oxyjwt",
    "pyseto",
    "cryptography",
    "PyNaCl",
    "msgspec",
    "SQLAlchemy",
    "psycopg",
    "PyMySQL",
    "redis",
    "pymemcache",
)
MILLION = 1_000_000


class Plan(NamedTuple):
    """A group, by the name of ``--only``, and its rounds in a full run."""

    name: str
    rounds: int
    run: Callable[[int], Group | Iterable[Group]]
    only_by_name: bool = False


def plans(sessions: int = MILLION) -> list[Plan]:
    """All groups, in the order of the report."""
    found = [
        Plan("hs256", 400, lambda rounds: verify_group("HS256", rounds=rounds)),
        Plan("hs256", 400, lambda rounds: sign_group("HS256", rounds=rounds)),
        Plan("hs256", 400, lambda rounds: issue_group(rounds=rounds)),
    ]
    for alg in ("RS256", "ES256", "EdDSA"):
        name = NAMES.get(alg, alg).lower()
        found.append(Plan(name, 300, lambda rounds, alg=alg: verify_group(alg, rounds=rounds)))  # type: ignore[misc]
        found.append(Plan(name, 100, lambda rounds, alg=alg: sign_group(alg, rounds=rounds)))  # type: ignore[misc]
    places: tuple[Place, ...] = ("memory", "disk")
    stores = (refresh_in_sqlite, refresh_in_redis, refresh_in_postgresql, refresh_in_mariadb)
    refreshing = [
        Plan("refresh", 150, lambda rounds, run=run, place=place: run(place, rounds=rounds))  # type: ignore[misc]
        for place in places
        for run in stores
    ]
    return [
        *found,
        Plan("jwe", 400, lambda rounds: decrypt_group("dir", "A256GCM", most=0.2, rounds=rounds)),
        Plan("jwe", 400, lambda rounds: encrypt_group("dir", "A256GCM", most=0.25, rounds=rounds)),
        Plan("jwe", 200, lambda rounds: decrypt_group("ECDH-ES+A128KW", "A128GCM", most=0.7, rounds=rounds)),
        Plan("paseto", 300, lambda rounds: paseto_verify_group(4, "public", most=0.55, rounds=rounds)),
        Plan("paseto", 300, lambda rounds: paseto_verify_group(4, "local", most=0.75, rounds=rounds)),
        Plan("paseto", 100, lambda rounds: paseto_verify_group(3, "public", most=None, rounds=rounds)),
        Plan("paseto", 200, lambda rounds: paseto_verify_group(3, "local", most=None, rounds=rounds)),
        Plan("paseto", 100, lambda rounds: paseto_issue_group(4, "public", rounds=rounds)),
        Plan("paseto", 200, lambda rounds: paseto_issue_group(4, "local", rounds=rounds)),
        Plan("key set", 200, lambda rounds: key_set_group(rounds=rounds)),
        Plan("refusals", 30, lambda rounds: refusals_group(rounds=rounds)),
        Plan("sessions", 400, lambda rounds: sessions_group(rounds=rounds)),
        *refreshing,
        Plan("lookups", 200, lambda rounds: lookups_group(rounds=rounds)),
        Plan("payloads", 200, lambda rounds: verify_sizes_group(rounds=rounds)),
        Plan("payloads", 200, lambda rounds: sign_sizes_group(rounds=rounds)),
        Plan("formats", 100, lambda rounds: formats_group(rounds=rounds)),
        Plan("cache", 200, lambda rounds: cache_group(rounds=rounds)),
        Plan("imports", 25, lambda rounds: imports_group(rounds=rounds)),
        Plan("million", 60, lambda rounds: million_in_sqlite(sessions, rounds=rounds), only_by_name=True),
        Plan("million", 60, lambda rounds: million_in_postgresql(sessions, rounds=rounds), only_by_name=True),
    ]


class Report(msgspec.Struct, frozen=True):
    """Everything that one run found, for ``--json``."""

    machine: str
    versions: dict[str, str]
    seconds: float
    groups: list[Group]
    verdicts: list[Verdict]
    missing: list[str]


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__.partition(":")[2].strip())
    names = list(dict.fromkeys(plan.name for plan in plans()))
    parser.add_argument(
        "--only",
        action="append",
        choices=names,
        metavar="GROUP",
        help=f"one of {', '.join(names)}; million runs by its name alone",
    )
    parser.add_argument("--quick", action="store_true", help="an eighth of the rounds")
    parser.add_argument("--sessions", type=int, default=MILLION, metavar="N", help="of the group million")
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    parser.add_argument("--strict", action="store_true", help="exit with 1 where a bar is missed")
    return parser.parse_args()


def main() -> int:
    asked = arguments()
    warnings.simplefilter("ignore")  # a peer warns of the name EdDSA, which all others know alone
    started = time.monotonic()
    groups: list[Group] = []
    missing: list[str] = []
    chosen = [
        plan for plan in plans(asked.sessions) if (plan.name in asked.only if asked.only else not plan.only_by_name)
    ]
    if not asked.json:
        print(heading())
    for number, plan in enumerate(chosen, 1):
        progress(f"[{number}/{len(chosen)}] {plan.name}, {time.monotonic() - started:.0f} s so far")
        try:
            for group in measured(plan, is_quick=asked.quick):
                groups.append(group)
                if not asked.json:
                    show(group)
        except Missing as reason:
            missing.append(f"{plan.name}: {reason}")
            progress(missing[-1])
    verdicts = [verdict for group in groups for verdict in group.verdicts]
    seconds = time.monotonic() - started
    if asked.json:
        versions = {name: version(name) for name in MEASURED}
        report = Report(machine(), versions, round(seconds, 1), groups, verdicts, missing)
        print(msgspec.json.format(msgspec.json.encode(report)).decode())
    else:
        print_bars(verdicts)
        print("".join(f"\nNot measured, {one}" for one in missing))
        print(f"\n{seconds:.0f} s")
    return 1 if asked.strict and not all(verdict.is_kept for verdict in verdicts) else 0


def measured(plan: Plan, *, is_quick: bool) -> Iterable[Group]:
    """Run a plan; a long one gives one group after the other."""
    found = plan.run(max(plan.rounds // 8, 10) if is_quick else plan.rounds)
    return (found,) if isinstance(found, Group) else found


def show(group: Group) -> None:
    if sys.stderr.isatty():
        progress("")
    print_group(group)
    sys.stdout.flush()


def machine() -> str:
    return f"Python {platform.python_version()}, {platform.machine()}, {os.cpu_count()} cores"


def heading() -> str:
    named = ", ".join(f"{name} {version(name)}" for name in MEASURED)
    return (
        f"{machine()}\n{named}\n"
        "Times are medians, net of an empty call; ratios are medians of interleaved rounds. Every token is a new str."
    )


if __name__ == "__main__":
    sys.exit(main())
