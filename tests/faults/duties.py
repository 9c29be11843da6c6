"""What nodes are asked to do: functions of a module, which another process can import. Each is given its sessions."""

import contextlib
import itertools
import os
import resource
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

from daypass.errors import DaypassError, SessionEnded, StoreUnavailable
from daypass.sessions import Sessions
from daypass.sessions.values import Principal, TokenPair
from daypass.stores import database, redis_connection
from tests.faults.nodes import sessions_at
from tests.faults.web import Endpoint
from tests.faults.web import status_of as asked


def at_once(count: int, act: Callable[[int], object], at: float) -> list[object]:
    """Do something in many threads at the same moment; return what each got, refusals included.

    Args:
        count: of threads.
        act: is given the number of its thread.
        at: when, by the monotonic clock.
    """
    answers: list[object] = [None] * count

    def run(number: int) -> None:
        time.sleep(max(0.0, at - time.monotonic()))
        try:
            answers[number] = act(number)
        except Exception as error:  # noqa: BLE001 - whoever asked looks at it
            answers[number] = error

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def start(sessions: Sessions, subject: str) -> TokenPair:
    return sessions.start(subject)


def refresh(sessions: Sessions, token: str) -> TokenPair:
    return sessions.refresh(token)


def verify(sessions: Sessions, token: str) -> tuple[str, str]:
    """Say whose a token is; a Principal is not pickled."""
    principal: Principal = sessions.verify(token)
    return principal.subject, principal.sid


def end(sessions: Sessions, sid: str) -> None:
    sessions.end(sid)


def refresh_at_once(sessions: Sessions, token: str, threads: int, at: float) -> list[object]:
    return at_once(threads, lambda _: sessions.refresh(token), at)


def refresh_on_and_on(sessions: Sessions, pair: TokenPair, threads: int, at: float) -> list[TokenPair | DaypassError]:
    """Refresh in many threads until the session has ended; return every pair, and the last word of each thread."""
    seen: list[TokenPair | DaypassError] = []

    def run(_number: int) -> None:
        held = pair
        while True:
            try:
                held = sessions.refresh(held.refresh_token)
            except DaypassError as error:
                seen.append(error)
                return
            seen.append(held)

    at_once(threads, run, at)
    return seen


def refresh_each_on_and_on(sessions: Sessions, pairs: list[TokenPair], at: float) -> list[TokenPair | DaypassError]:
    """Refresh each session in a thread of its own until it has ended."""
    return [
        one
        for seen in at_once(len(pairs), lambda number: refresh_on_and_on(sessions, pairs[number], 1, at), at)
        for one in seen
    ]


def end_all_at(sessions: Sessions, subject: str, at: float) -> int:
    """End all sessions of somebody at a moment."""
    time.sleep(max(0.0, at - time.monotonic()))
    return sessions.end_all(subject)


def end_at(sessions: Sessions, sid: str, at: float) -> float:
    """End a session at a moment; return when that was confirmed."""
    time.sleep(max(0.0, at - time.monotonic()))
    sessions.end(sid)
    return time.monotonic()


def log_in_and_out(sessions: Sessions, subject: str, threads: int, at: float) -> list[tuple[TokenPair, bool]]:
    """Log in again and again at the cap, and out every other time; return the pairs, and which were ended here."""
    done: list[tuple[TokenPair, bool]] = []

    def run(number: int) -> None:
        for turn in range(4):
            pair = sessions.start(subject)
            ends = (number + turn) % 2 == 0
            if ends:
                sessions.end(pair.session.sid)
            done.append((pair, ends))

    for error in at_once(threads, run, at):
        if error is not None:
            raise RuntimeError(f"{type(error).__name__}: {error}")
    return done


def await_refusal(sessions: Sessions, token: str, within_s: float) -> float | None:
    """Verify until the session is refused; return when that was, None where it never was."""
    gives_up = time.monotonic() + within_s
    while time.monotonic() < gives_up:
        with contextlib.suppress(StoreUnavailable):
            try:
                sessions.verify(token)
            except SessionEnded:
                return time.monotonic()
        time.sleep(0.005)
    return None


def die_after(_idle: Sessions | None, url: str, ring: Path, verb: str, value: str) -> bool:
    """Let a child of this process receive the answer of a verb, and die before it is kept anywhere.

    Returns:
        Whether it died of that.
    """

    def act() -> None:
        getattr(sessions_at(url, ring), verb)(value)
        os.kill(os.getpid(), signal.SIGKILL)

    return _killed_in_a_child(act)


def die_within(_idle: Sessions | None, url: str, ring: Path, verb: str, words: int, value: str) -> bool:
    """Let a child of this process begin something, and die after some of what it says to the store.

    Args:
        url: of the store.
        ring: file of the ring.
        verb: of Sessions.
        words: after how many words to the store it dies.
        value: what the verb is given.

    Returns:
        Whether it died; otherwise it had done all before.
    """

    def act() -> None:
        sessions = sessions_at(url, ring, sessions_per_subject_max=2)
        _die_after(words)
        getattr(sessions, verb)(value)

    return _killed_in_a_child(act)


def _killed_in_a_child(act: Callable[[], None]) -> bool:
    pid = os.fork()
    if not pid:
        try:
            act()
        finally:
            os._exit(0)
    _, status = os.waitpid(pid, 0)
    return os.WIFSIGNALED(status)


def _die_after(words: int) -> None:
    """Die after so many statements of transactions, or exchanges with a Redis."""
    left = itertools.count(words - 1, -1)

    def dying(act: Callable[..., object]) -> Callable[..., object]:
        def send(*values: object, **more: object) -> object:
            answer = act(*values, **more)
            if next(left) == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return answer

        return send

    for owner, name in (
        (database.Transaction, "rows"),
        (database.Transaction, "count"),
        (database.Database, "rows"),
        (database.Database, "count"),
        (redis_connection, "_exchange"),
    ):
        setattr(owner, name, dying(getattr(owner, name)))


def log_in_and_out_for_ever(sessions: Sessions, confirmed: Path) -> None:
    """Log in, and out every other time, and write down what was confirmed, until this process is killed."""
    with confirmed.open("a", buffering=1) as file:
        for number in itertools.count():
            pair = sessions.start(f"{os.getpid()} {number}")
            file.write(f"{pair.session.sid} {pair.refresh_token} live\n")
            if number % 2:
                sessions.end(pair.session.sid)
                file.write(f"{pair.session.sid} {pair.refresh_token} ended\n")


def wait_for_lines(file: Path, count: int, within_s: float = 60) -> None:
    """Wait until another process has written so much."""
    gives_up = time.monotonic() + within_s
    while not file.exists() or file.read_text().count("\n") < count:
        if time.monotonic() > gives_up:
            raise TimeoutError
        time.sleep(0.01)


def limit_files(_sessions: Sessions, size: int | None) -> None:
    """Let this process write no file beyond a size, as on a full disk, or any again."""
    _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most if size is None else size, most))


def fill_up(sessions: Sessions, folder: Path, room: int) -> list[TokenPair]:
    """Leave little room on the disk, and log in until there is none; return the sessions that were confirmed."""
    limit_files(sessions, max(file.stat().st_size for file in folder.iterdir()) + room)
    confirmed: list[TokenPair] = []
    refused = 0
    while refused < 3:
        try:
            confirmed.append(sessions.start("somebody"))
        except StoreUnavailable:
            refused += 1
    return confirmed


def status_of(sessions: Sessions, endpoint: Endpoint, pair: TokenPair) -> int:
    """Ask an endpoint; return the status of its answer."""
    return asked(endpoint, sessions, pair)


def fork_in_the_middle(sessions: Sessions, children: int) -> list[int]:
    """Fork again and again while other threads speak to the store; each child logs in, goes on, and logs out.

    Returns:
        How the children ended: 0 where each verb did what it does.
    """
    done = threading.Event()
    failed: list[Exception] = []

    def speak(number: int) -> None:
        try:
            while not done.is_set():
                pair = sessions.start(f"parent {number}")
                sessions.verify(sessions.refresh(pair.refresh_token).access_token)
                sessions.end_all(f"parent {number}")
        except Exception as error:  # noqa: BLE001 - told below
            failed.append(error)

    threads = [threading.Thread(target=speak, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    try:
        codes = [_child(sessions) for _ in range(children)]
    finally:
        done.set()
        for thread in threads:
            thread.join()
    if failed:
        raise RuntimeError(f"{type(failed[0]).__name__}: {failed[0]}")
    return codes


def _child(sessions: Sessions) -> int:
    time.sleep(0.05)
    pid = os.fork()
    if not pid:
        code = 1
        try:
            signal.alarm(20)
            pair = sessions.start("child")
            sessions.verify(sessions.refresh(pair.refresh_token).access_token)
            sessions.end(pair.session.sid)
            try:
                sessions.verify(pair.access_token)
            except SessionEnded:
                code = 0
        finally:
            os._exit(code)
    _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status)


def verify_in_children(sessions: Sessions, pairs: list[TokenPair]) -> list[int]:
    """Fork a child for each session, all at once, that verifies it again and again; return how they ended."""
    children = []
    for pair in pairs:
        pid = os.fork()
        if not pid:
            code = 1
            try:
                for _ in range(100):
                    if sessions.verify(pair.access_token).subject != pair.session.subject:
                        os._exit(2)
                sessions.end(pair.session.sid)
                code = 0
            finally:
                os._exit(code)
        children.append(pid)
    return [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in children]
