"""Workers, side by side: one lane for each target, in which a worker that broke off is followed by another.

Enters: names of targets, seconds, how many at once. Leaves: what each lane did, in numbers, and how workers broke off.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import msgspec

from fuzz.places import CORPUS, FINDINGS, REPOSITORY
from fuzz.worker_status import Status

GRACE_S = 180  # to load, to instrument, and for the last try
STARTS_MAX = 8
WORTH_S = 5  # what is left of the time has to be worth a start
LAST_LINES = 6


class Lane:
    """The time of one target.

    Args:
        name: of the target.
        seconds: how long its workers run, all together.
    """

    def __init__(self, name: str, seconds: float) -> None:
        self.name = name
        self.broken: list[str] = []
        self._seconds = seconds
        self._starts = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._killed_s = 0.0

    def start(self) -> None:
        """Start a worker for the time that is left."""
        left_s = self._seconds - self.status().seconds
        self._starts += 1
        self._status_file().unlink(missing_ok=True)
        command = [sys.executable, "-m", "fuzz.worker", self.name, str(left_s), str(self._status_file())]
        with self._log().open("wb") as log:
            self._process = subprocess.Popen(command, cwd=REPOSITORY, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self._killed_s = time.monotonic() + left_s + GRACE_S

    def is_over(self) -> bool:
        """Look after the worker: wait, stop it, or start another. True once the time is over."""
        assert self._process is not None
        code = self._process.poll()
        if code is None and time.monotonic() < self._killed_s:
            return False
        if code == 0:
            return True
        self.stop()
        last = self._log().read_text(encoding="utf-8", errors="replace").splitlines()[-LAST_LINES:]
        how = "did not end in time" if code is None else f"ended with exit code {code}"
        self.broken.append(f"a worker {how}; its last lines:\n    " + "\n    ".join(last))
        if self._starts >= STARTS_MAX or self._seconds - self.status().seconds < WORTH_S:
            return True
        self.start()
        return False

    def stop(self) -> None:
        """End the worker, if it runs."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    def status(self) -> Status:
        """What all workers of the lane did."""
        total = Status()
        outcomes: Counter[str] = Counter()
        for start in range(1, self._starts + 1):
            file = self._status_file(start)
            if file.is_file():
                one = msgspec.json.decode(file.read_bytes(), type=Status)
                total.executions += one.executions
                total.seconds += one.seconds
                total.cpu_seconds += one.cpu_seconds
                total.slowest_s = max(total.slowest_s, one.slowest_s)
                total.findings = [*total.findings, *one.findings]
                outcomes.update(one.outcomes)
        total.outcomes = dict(outcomes)
        return total

    def _status_file(self, start: int | None = None) -> Path:
        return CORPUS / f"{self.name}.{start or self._starts}.json"

    def _log(self) -> Path:
        return CORPUS / f"{self.name}.{self._starts}.log"


def run(names: list[str], seconds: float, jobs: int) -> list[Lane]:
    """Run lanes, so many at once, until all are over."""
    CORPUS.mkdir(exist_ok=True)
    FINDINGS.mkdir(exist_ok=True)
    lanes = [Lane(name, seconds) for name in names]
    waiting = list(lanes)
    running: list[Lane] = []
    try:
        while waiting or running:
            while waiting and len(running) < jobs:
                waiting[0].start()
                running.append(waiting.pop(0))
            time.sleep(0.2)
            running = [lane for lane in running if not lane.is_over()]
    finally:
        for lane in lanes:
            lane.stop()
    return lanes
