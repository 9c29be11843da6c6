"""What nodes are asked to do: functions of a module, which another process can import. Each is given its sessions."""

import contextlib
import threading
import time
from collections.abc import Callable

from daypass.errors import DaypassError, SessionEnded, StoreUnavailable
from daypass.sessions import Sessions
from daypass.sessions.values import Principal, TokenPair


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
