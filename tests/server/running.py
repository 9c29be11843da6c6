"""A real `daypass serve`: its own process, its own folder, a port of its own, all its output kept."""

import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import httpx

DAYPASS = [sys.executable, "-m", "daypass"]
WAIT_S = 30
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("DAYPASS_")}


def run(*words: str, stdin: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command of daypass to its end."""
    return subprocess.run(
        [*DAYPASS, *words],
        input=stdin,
        capture_output=True,
        text=True,
        env={**ENVIRONMENT, **environment},
        timeout=WAIT_S,
        check=False,
    )


class Running:
    """A service that runs.

    Args:
        data: its folder.
        environment: on top of that of the tests.
    """

    def __init__(self, data: Path, **environment: str) -> None:
        self.data = data
        self.lines: list[str] = []
        data.parent.mkdir(parents=True, exist_ok=True)
        self._errors = (data.parent / f"{data.name}.stderr").open("a+")
        self._process = subprocess.Popen(
            [*DAYPASS, "serve", "--port", "0", "--data", str(data)],
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            env={**ENVIRONMENT, **environment},
        )
        ready = threading.Event()
        self._reader = threading.Thread(target=self._read, args=(ready,))
        self._reader.start()
        if not ready.wait(WAIT_S) or self._process.poll() is not None:
            self.kill()
            raise RuntimeError(f"the service did not start: {self.lines} {self.errors}")
        (self.url,) = {found[0] for line in self.lines if (found := re.search(r"http://[\d.:]+", line))}
        self.http = httpx.Client(base_url=self.url, timeout=WAIT_S)

    def _read(self, ready: threading.Event) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.lines.append(line.rstrip("\n"))
            if "/v1/logout" in line:
                ready.set()
        ready.set()

    @property
    def password(self) -> str:
        """The password of the first administrator, where this was the first start."""
        (found,) = [line.removeprefix("password: ") for line in self.lines if line.startswith("password: ")]
        return found

    @property
    def errors(self) -> str:
        """What the process wrote to the standard error."""
        self._errors.seek(0)
        return self._errors.read()

    def login(self, email: str = "admin@example.com", password: str | None = None) -> dict[str, Any]:
        words = {"email": email, "password": self.password if password is None else password}
        answer = self.http.post("/v1/login", json=words)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def session(self, pair: dict[str, Any]) -> httpx.Response:
        return self.http.get("/v1/session", headers={"Authorization": f"Bearer {pair['access_token']}"})

    def refresh(self, pair: dict[str, Any]) -> httpx.Response:
        return self.http.post("/v1/refresh", json={"refresh_token": pair["refresh_token"]})

    def stop(self) -> int:
        """End it as an operator does, and return its exit code."""
        self._process.send_signal(signal.SIGINT)
        return self._end()

    def kill(self) -> int:
        """End it as a power cut does."""
        self._process.kill()
        return self._end()

    def _end(self) -> int:
        code = self._process.wait(WAIT_S)
        self._reader.join(WAIT_S)
        assert self._process.stdout is not None
        self._process.stdout.close()
        if hasattr(self, "http"):
            self.http.close()
        return code

    def __enter__(self) -> "Running":
        return self

    def __exit__(self, *_exc: object) -> None:
        if self._process.poll() is None:
            self.kill()
        self._errors.close()
