"""One fuzzer, one process: ``python -m fuzz.worker TARGET SECONDS STATUS``, started by fuzz.lanes.

Enters: the name of a target, and a file for its status. Leaves: inputs that reached something new (fuzz/corpus),
findings (fuzz/findings), and the status, written once a second, so that it is there whatever becomes of this process.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import atheris
import msgspec

from fuzz.chance import Chance
from fuzz.findings import Findings
from fuzz.places import FINDINGS, corpus_of, write_seeds
from fuzz.worker_status import Status

INPUT_BYTES_MAX = 20_000  # a JWT has at most 16 KiB: the bound can be passed
SLOW_S = 3.0  # of this process alone, whatever else the machine does
HANGS_S = 60
MEMORY_MB_MAX = 2048


class Slow(Exception):
    """A try that took longer than any input may."""


class Worker:
    """Runs the tries of one target, and keeps count.

    Args:
        name: of the target.
        seconds: how long.
        status: where it is written how far it is.
    """

    def __init__(self, name: str, seconds: float, status: Path) -> None:
        with atheris.instrument_imports(include=["daypass"]):  # the judge is not instrumented: it is not what is tested
            from fuzz.targets import load

            self._target = load(name)
            self._seeds = self._target.seeds()
        self._status = Status()
        self._findings = Findings(FINDINGS, name)
        self._file = status
        self._began_s = self._written_s = time.monotonic()
        self._ends_s = self._began_s + seconds

    def run(self, data: bytes) -> None:
        """One try. Ends the process when its time is over: libFuzzer leaves no other moment for it."""
        status, began_s = self._status, time.process_time()
        try:
            stage = self._target.run(data)
        except BaseException as error:  # noqa: BLE001 - a panic of a primitive is no Exception, and is a finding
            stage = "found"
            self._findings.add(data, error)
        took_s = time.process_time() - began_s
        status.slowest_s = max(status.slowest_s, took_s)
        if took_s > SLOW_S:
            self._note(data, Slow(f"one try took {took_s:.1f} s"))
        status.executions += 1
        status.outcomes[stage] = status.outcomes.get(stage, 0) + 1
        now_s = time.monotonic()
        if now_s - self._written_s > 1 or now_s > self._ends_s:
            self._write(now_s)
            if now_s > self._ends_s:
                sys.stderr.flush()
                os._exit(0)

    def mutate(self, data: bytes, bytes_max: int, seed: int) -> bytes:
        """Change an input by its structure; what would be too long is changed by its bytes instead."""
        chance = Chance(seed, atheris.Mutate)
        try:
            changed = self._target.mutate(data, chance)
            if len(changed) <= bytes_max:
                return changed
        except Exception as error:  # noqa: BLE001 - a mistake of the target is found, too, and does not end the run
            self._findings.add(data, error)
        return bytes(atheris.Mutate(data, bytes_max))

    def start(self) -> None:
        """Hand over to libFuzzer, which does not come back."""
        corpus = corpus_of(self._target.name)
        corpus.mkdir(parents=True, exist_ok=True)
        seeds = write_seeds(self._target.name, self._seeds)
        options = [f"-max_len={INPUT_BYTES_MAX}", f"-timeout={HANGS_S}", f"-rss_limit_mb={MEMORY_MB_MAX}"]
        options += [f"-artifact_prefix={FINDINGS}/{self._target.name}-", "-print_final_stats=0"]
        atheris.Setup([sys.argv[0], *options, str(corpus), str(seeds)], self.run, custom_mutator=self.mutate)
        atheris.Fuzz()

    def _note(self, data: bytes, error: Exception) -> None:
        try:
            raise error
        except Slow as raised:
            self._findings.add(data, raised)

    def _write(self, now_s: float) -> None:
        self._written_s = now_s
        self._status.seconds = now_s - self._began_s
        self._status.cpu_seconds = time.process_time()
        self._status.findings = self._findings.all()
        draft = self._file.with_suffix(".new")
        draft.write_bytes(msgspec.json.encode(self._status))
        draft.replace(self._file)


if __name__ == "__main__":
    Worker(sys.argv[1], float(sys.argv[2]), Path(sys.argv[3])).start()
