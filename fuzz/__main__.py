"""``python -m fuzz``: run fuzzers side by side for a bounded time, and report. Exit code 1: something was found.

Enters: which targets, and for how long. Leaves: a table, or JSON; inputs that found something, in fuzz/findings.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import traceback
from pathlib import Path

import msgspec

from fuzz import lanes, vectors
from fuzz.places import REPOSITORY, corpus_of
from fuzz.replay import Reach
from fuzz.report import Result, as_json, as_text
from fuzz.targets import MODULES, load

SECONDS = 60


def arguments() -> argparse.Namespace:
    """What the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m fuzz", description="Run fuzzers side by side for a bounded time.")
    parser.add_argument("--seconds", type=float, default=SECONDS, help=f"how long each one runs (default {SECONDS})")
    parser.add_argument("--target", action="append", choices=list(MODULES), help="one of them, may be repeated")
    parser.add_argument("--jobs", type=int, default=0, help="how many at once (default all)")
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    parser.add_argument("--input", type=Path, action="append", help="only try this file, with one --target")
    asked = parser.parse_args()
    if asked.input and len(asked.target or ()) != 1:
        parser.error("--input needs one --target")
    if asked.seconds <= 0 or asked.jobs < 0:
        parser.error("--seconds is a positive number, --jobs a number from 1 on")
    return asked


def try_inputs(name: str, files: list[Path]) -> int:
    """Repeat findings: run inputs once, without a fuzzer."""
    target, code = load(name), 0
    for file in files:
        try:
            print(f"{file.name}: {target.run(file.read_bytes())}")
        except BaseException as error:  # noqa: BLE001 - whatever it is, it is what was asked for
            code = 1
            print(f"{file.name}: found", flush=True)
            traceback.print_exception(error)
    return code


def result_of(lane: lanes.Lane) -> Result:
    """What a lane did, and which lines its corpus reaches."""
    target, status = load(lane.name), lane.status()
    result = Result(
        target=lane.name,
        reads=target.reads,
        executions=status.executions,
        seconds=status.seconds,
        cpu_seconds=status.cpu_seconds,
        executions_per_second=status.executions / max(status.seconds, 0.001),
        slowest_s=status.slowest_s,
        seeds=len(target.seeds()),
        outcomes=status.outcomes,
        findings=status.findings,
        broken=lane.broken,
    )
    if corpus_of(lane.name).is_dir():
        result.corpus = sum(1 for _ in corpus_of(lane.name).iterdir())
        command = [sys.executable, "-m", "fuzz.replay", lane.name]
        answer = subprocess.run(command, cwd=REPOSITORY, stdout=subprocess.PIPE, check=False)
        if answer.returncode == 0:
            result.reach = msgspec.json.decode(answer.stdout, type=list[Reach])
        else:
            result.broken.append(f"the replay of the corpus ended with exit code {answer.returncode}")
    return result


def main() -> int:
    """Run, and report."""
    asked = arguments()
    names: list[str] = list(dict.fromkeys(asked.target or MODULES))
    if asked.input:
        return try_inputs(names[0], asked.input)
    if vectors.directory() is None:
        print("daypass: no test vectors (DAYPASS_VECTORS): fresh tokens are the only seeds", file=sys.stderr)
    jobs = min(asked.jobs or len(names), len(names))
    said = f"daypass: fuzzing {', '.join(names)}: {jobs} at once, {asked.seconds:.0f} s each"
    print(said, file=sys.stderr, flush=True)
    done = lanes.run(names, asked.seconds, jobs)
    print("daypass: replaying what was kept, to see which lines it reaches", file=sys.stderr, flush=True)
    results = [result_of(lane) for lane in done]
    print(as_json(results) if asked.json else as_text(results))
    return 1 if any(one.findings or one.broken for one in results) else 0


if __name__ == "__main__":
    sys.exit(main())
