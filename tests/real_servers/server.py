"""A private server: its own process, port and data, on 127.0.0.1 only, gone when the tests are."""

import abc
import os
import pwd
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import ClassVar, Self

from tests.real_servers.programs import free_port, new_folder, user_for
from tests.real_servers.watchdog import WATCHDOG

READY_S = 60
STOPS_S = 60
POLL_S = 0.02
PORTS_TRIED = 3


class NotStarted(RuntimeError):
    """A server ended instead of starting; the message is the end of its log."""


def until(holds: Callable[[], bool], within_s: float, what: str) -> None:
    """Wait for something another process does, for a bounded time."""
    ends = time.monotonic() + within_s
    while not holds():
        if time.monotonic() > ends:
            raise TimeoutError(f"{what} within {within_s:.0f} s")
        time.sleep(POLL_S)


class Server(abc.ABC):
    """A server that can be started, stopped, killed, paused, resumed and restarted, and keeps port and data meanwhile.

    Args:
        durable: wait for the disk as a production server does. Otherwise it does not: what it confirmed is with the
            kernel, which survives ``kill()``; only a power cut would lose it, and none is played here.
    """

    name: ClassVar[str]
    users: ClassVar[tuple[str, ...]] = ()
    stop_signal: ClassVar[signal.Signals] = signal.SIGTERM

    def __init__(self, *, durable: bool = False) -> None:
        self.durable = durable
        self.owner = user_for(self.users)
        self.folder = Path()
        self.port = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._is_prepared = False

    # ---------------------------------------------------------------------------------- what each server says

    @property
    @abc.abstractmethod
    def url(self) -> str:
        """What ``open_store`` takes."""

    @abc.abstractmethod
    def command(self) -> list[str]:
        """The command that runs the server in the foreground."""

    @abc.abstractmethod
    def answers(self) -> bool:
        """Tell whether it answers a request now. May raise what a driver raises."""

    def prepare(self) -> None:  # noqa: B027 - most have nothing to prepare
        """Make what the data folder has to hold before the first start."""

    def choose_ports(self) -> None:
        """Choose the port, and any other that the server needs."""
        self.port = free_port()

    # ------------------------------------------------------------------------------------------------- verbs

    def start(self) -> Self:
        """Start it, and wait until it answers. Starting what runs does nothing."""
        if self.is_running:
            return self
        if not self._is_prepared:
            self.folder = new_folder(self.name, self.owner)
            self.prepare()
            self._is_prepared = True
        try:
            self._launch_on_a_port()
        except BaseException:
            if self.port == 0:
                self.close()
            raise
        return self

    def stop(self) -> None:
        """End it as an operator does, in order. Stopping what does not run does nothing."""
        if self._process is not None:
            self.resume()
            self._process.send_signal(self.stop_signal)
            try:
                self._process.wait(STOPS_S)
            except subprocess.TimeoutExpired:
                self.kill()
                raise
            self._gone()

    def kill(self) -> None:
        """End it, and every process that belongs to it, as a power cut does."""
        if self._process is not None:
            os.kill(self._process.pid, signal.SIGSTOP)  # so that it makes no further process meanwhile
            family = [self._process.pid, *_descendants(self._process.pid)]
            for pid in family:
                _send(pid, signal.SIGKILL)
            self._process.wait(STOPS_S)
            until(lambda: not any(_state(pid) not in "ZX" for pid in family[1:]), STOPS_S, "all have ended")
            self._gone()

    def pause(self) -> None:
        """Let it take connections and answer none, as a machine that hangs; returns when every thread stands still."""
        assert self._process is not None
        family = [self._process.pid]
        _send(family[0], signal.SIGSTOP)
        family += _descendants(family[0])
        for pid in family[1:]:
            _send(pid, signal.SIGSTOP)
        until(lambda: all(_stands_still(pid) for pid in family), STOPS_S, "all threads stand still")

    def resume(self) -> None:
        """Go on after ``pause()``."""
        assert self._process is not None
        for pid in (*_descendants(self._process.pid), self._process.pid):
            _send(pid, signal.SIGCONT)

    def restart(self) -> Self:
        """Stop it in order, and start it again."""
        self.stop()
        return self.start()

    def close(self) -> None:
        """End it for good, and remove its data."""
        if self._process is not None:
            self.kill()
        if self._is_prepared:
            shutil.rmtree(self.folder, ignore_errors=True)
            self._is_prepared = False

    @property
    def is_running(self) -> bool:
        """Tell whether there is a process; it may be paused."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """The process."""
        assert self._process is not None
        return self._process.pid

    def ensure(self) -> Self:
        """Make good what a test left behind: a server that is paused or gone."""
        if self.is_running:
            self.resume()
            return self
        self._process = None
        return self.start()

    @property
    def log(self) -> str:
        """What it wrote."""
        file = self.folder / "server.log"
        return file.read_text(errors="replace") if file.exists() else ""

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} on port {self.port}>"

    # ------------------------------------------------------------------------------------------------- steps

    def run(self, *words: str) -> None:
        """Run a command that prepares the server, to its end, as the user that the server runs as."""
        done = subprocess.run(
            words, check=False, stdin=subprocess.DEVNULL, capture_output=True, timeout=READY_S, **self._as_owner()
        )
        if done.returncode:
            raise NotStarted(f"{words[0]}: {(done.stdout + done.stderr).decode(errors='replace')[-2000:]}")

    def _as_owner(self) -> dict[str, object]:
        words: dict[str, object] = {"cwd": self.folder, "env": {"PATH": os.environ["PATH"], "HOME": str(self.folder)}}
        owner: pwd.struct_passwd | None = self.owner
        if owner is not None:
            words |= {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []}
        return words

    def _launch_on_a_port(self) -> None:
        """Launch it where it was, or, the first time, on a port that somebody else may take meanwhile."""
        if self.port:
            self._launch()
            return
        for tries_left in reversed(range(PORTS_TRIED)):
            self.choose_ports()
            try:
                self._launch()
                return
            except BaseException as error:
                self.port = 0
                if not tries_left or not isinstance(error, NotStarted):
                    raise

    def _launch(self) -> None:
        with (self.folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                self.command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                **self._as_owner(),
            )  # fmt: skip
        WATCHDOG.tell("+", self._process.pid, self.folder)
        try:
            until(self._is_ready, READY_S, f"{self.name} answers")
        except BaseException:
            if self._process is not None:
                self.kill()
            raise

    def _is_ready(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            self._gone()
            raise NotStarted(f"{self.name} did not start: {self.log[-2000:]}")
        try:
            return self.answers()
        except Exception:  # noqa: BLE001 - each driver has its own words for not yet
            return False

    def _gone(self) -> None:
        assert self._process is not None
        WATCHDOG.tell("-", self._process.pid, self.folder)
        self._process = None


def _send(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def _stat(path: Path) -> tuple[str, int]:
    """Read state and parent of a process or thread; X where it is gone."""
    try:
        fields = path.read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return "X", 0
    return fields[0], int(fields[1])


def _state(pid: int) -> str:
    return _stat(Path(f"/proc/{pid}/stat"))[0]


def _stands_still(pid: int) -> bool:
    try:
        return all(_stat(thread / "stat")[0] in "TtZX" for thread in Path(f"/proc/{pid}/task").iterdir())
    except FileNotFoundError:
        return True


def _descendants(pid: int) -> list[int]:
    parents = {int(place.name): _stat(place / "stat")[1] for place in Path("/proc").iterdir() if place.name.isdigit()}
    return list(_below(pid, parents))


def _below(pid: int, parents: dict[int, int]) -> Iterator[int]:
    for child, parent in parents.items():
        if parent == pid:
            yield child
            yield from _below(child, parents)
