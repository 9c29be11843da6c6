"""KeyRing: keys that follow each other by the clock, in all processes. Enters: a place. Leaves: keys.

Everything a ring answers comes from one immutable view of its content at a time. A new view is made when the
wall clock passes a time of an entry (in either direction), and when the place says that its text has changed.
Source: DESIGN.md 5 (key ring).
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn, final

from daypass.errors import ConfigurationError, DaypassError
from daypass.jose.jwk import JWK
from daypass.jose.jwk_set import JWKSet
from daypass.keyring.content import RingContent, dump_ring, parse_ring
from daypass.keyring.entry import RingEntry
from daypass.keyring.memory import MemoryStorage
from daypass.keyring.rotation import new_ring, newest_algs, rotated, widened, without
from daypass.keyring.schedule import RotationSchedule
from daypass.keyring.storage import RingStorage
from daypass.keyring.token_key import generate_key
from daypass.keyring.view import View, look_at

if TYPE_CHECKING:
    from daypass.tokens.source import TokenKey

__all__ = ["KeyRing"]

POLL_S: Final = 1.0
"""How often, at most, a ring asks its place whether the text has changed."""
REREAD_S: Final = 0.1
"""How often, at most, an unknown kid makes it ask."""
PUBLISHED_KTYS: Final = frozenset({"RSA", "EC", "OKP", "AKP"})


@final
class KeyRing:
    """The keys that sign, verify and derive, and when. Make one with the class methods.

    Args:
        storage: where it is kept; a ring is there.
        clock: epoch seconds.
        monotonic: seconds that never go back, for the bounds on reading.

    Raises:
        ConfigurationError: no whole ring is there.
        WeakKey: it holds a secret that is too short or can be guessed.
        StoreUnavailable: it cannot be read now.
    """

    __slots__ = (
        "__weakref__",
        "_clock",
        "_fault",
        "_lock",
        "_lock_pid",
        "_monotonic",
        "_poll_at",
        "_reread_at",
        "_storage",
        "_version",
        "_view",
    )

    def __init__(
        self,
        storage: RingStorage,
        *,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._storage = storage
        self._clock = clock
        self._monotonic = monotonic
        self._lock = threading.RLock()  # a log handler or a signal handler may ask the ring while it reads
        self._lock_pid = os.getpid()
        self._fault = ""
        self._poll_at = self._reread_at = monotonic()
        self._version = storage.version()
        self._view = look_at(_read(storage), clock(), epoch=1)

    # ------------------------------------------------------------------------------------------------- open

    @classmethod
    def open(
        cls,
        path: str | os.PathLike[str],
        *,
        alg: str = "EdDSA",
        schedule: RotationSchedule | None = None,
        clock: Callable[[], float] = time.time,
    ) -> KeyRing:
        """Open the ring in a file; where there is none, make it.

        Args:
            path: of a JWK Set of mode 0600; its folder exists.
            alg: of the first key of a new ring: of a signature (``EdDSA``), of symmetric encryption for format ``jwe``
                (``A256GCM``), or ``v4.public``, ``v4.local``, ``v3.public``, ``v3.local`` for the formats of PASETO.
                An old ring goes on with what it has.
            schedule: of a new ring; an old one is widened where this one asks for longer times, never
                narrowed.
            clock: epoch seconds.

        Raises:
            ConfigurationError: the file is not private, or holds no whole ring, or the folder is missing.
            WeakKey: it holds a secret that is too short or can be guessed.
            StoreUnavailable: the file cannot be read or made now.
        """
        from daypass.keyring.file import FileStorage

        return cls.from_storage(FileStorage(path), alg=alg, schedule=schedule, clock=clock)

    @classmethod
    def from_env(
        cls,
        name: str,
        *,
        alg: str | None = None,
        schedule: RotationSchedule | None = None,
        clock: Callable[[], float] = time.time,
    ) -> KeyRing:
        """Read a ring from an environment variable: a secret text, a private JWK, a JWK Set, or a whole ring.

        Args:
            name: of the variable. In a JWK Set the first private key signs, the others verify.
            alg: of a secret text (default HS256), and of JWKs that name none.
            schedule: the times that the keys keep.
            clock: epoch seconds.

        Raises:
            ConfigurationError: the variable is not set, or holds no key that signs.
            WeakKey: the secret is empty, short or guessable.
        """
        from daypass.keyring.environment import EnvironmentStorage

        return cls(EnvironmentStorage(name, alg=alg, schedule=schedule), clock=clock)

    @classmethod
    def from_storage(
        cls,
        storage: RingStorage,
        *,
        alg: str = "EdDSA",
        schedule: RotationSchedule | None = None,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> KeyRing:
        """Open the ring that a storage keeps, or make it. Words and errors are those of ``open``."""
        if storage.read() is None:
            key = generate_key(alg)
            content = new_ring(key, schedule=schedule or RotationSchedule(), now_s=int(clock()))
            with storage.lock():
                if storage.read() is None:  # and no other process was faster
                    storage.write(dump_ring(content))
        ring = cls(storage, clock=clock, monotonic=monotonic)
        if schedule is not None and ring.schedule.widened(schedule) != ring.schedule:
            ring._change(lambda content, now_s: widened(content, schedule, now_s=now_s))
        return ring

    @classmethod
    def in_memory(
        cls,
        *,
        alg: str = "EdDSA",
        schedule: RotationSchedule | None = None,
        clock: Callable[[], float] = time.time,
    ) -> KeyRing:
        """Make a ring that ends with this process, and with it every login."""
        return cls.from_storage(MemoryStorage(), alg=alg, schedule=schedule, clock=clock)

    # ------------------------------------------------------------------------------------------ a key source

    @property
    def epoch(self) -> int:
        """Another number whenever the answers below are others. Reading it notices that, and is cheap."""
        view = self._view
        if self._monotonic() < self._poll_at and view.begins_at <= self._clock() < view.ends_at:
            return view.epoch  # asked with every token that a verification cache remembers
        return self._now().epoch

    def signing_keys(self) -> tuple[TokenKey, ...]:
        """The keys that sign, or encrypt, now, one of each kind that is in use; private."""
        return self._now().signing

    def verification_keys(self) -> tuple[TokenKey, ...]:
        """Every key whose tokens are accepted now: public halves, and the symmetric keys themselves."""
        return self._now().verification

    def reread(self) -> None:
        """Look now whether the ring has changed, because somebody named a key that it does not hold.

        At most ten times a second; in between it does nothing. It never raises: a ring that cannot be read
        any more keeps what it has, and ``describe`` says so.
        """
        with self._guard():
            if (now_s := self._monotonic()) >= self._reread_at:
                self._reread_at = now_s + REREAD_S
                self._reload()

    def derive_kid(self) -> str:
        """The kid of the secret that new refresh tokens are made under."""
        return self._now().secret_kid

    def derived_key(self, kid: str, purpose: str) -> bytes | None:
        """Derive a key from one secret of the ring.

        Args:
            kid: of the secret, from wherever: it is looked up, nothing else. An unknown one makes the ring
                ``reread``.
            purpose: a constant text that names what the key is for; no two uses share one.

        Returns:
            32 bytes; None where the ring holds no such secret, or accepts it no longer.
        """
        view = self._now()
        if kid not in view.secrets:
            self.reread()
            view = self._now()
        secret = view.secrets.get(kid)
        return None if secret is None else secret.key_for(purpose)

    # ------------------------------------------------------------------------------------------------ change

    def rotate(self, *, at_once: bool = False, alg: str | None = None, replaces_all: bool = False) -> str:
        """Add keys and a secret that follow those in use. What was made with those stays valid for its time.

        Keys of one kind follow each other, those of other kinds go on beside them: signatures of JOSE are one kind,
        symmetric encryption of JOSE another, and each version and purpose of PASETO is one. So nodes can go over to
        another format one by one, with a key for each in the same ring.

        Args:
            at_once: sign from now on, not after ``schedule.publish_s``; verifiers of other processes learn
                the key from its first token. For a key that leaked: then ``retire`` the old ones too.
            alg: of the new key, of the kind that it is of or of a new one; None: a successor for the newest key of
                every kind in use.
            replaces_all: the key of ``alg`` also supersedes the keys of all other kinds: the last step of a change of
                format, once no node issues the old one.

        Returns:
            The kid of the new key; without ``alg``, that of the kind that came last.

        Raises:
            ConfigurationError: the ring cannot be changed from here, is gone, or would become too large.
            StoreUnavailable: it cannot be written now; it is as it was.
        """
        if replaces_all and alg is None:
            raise ConfigurationError(
                'replaces_all goes with the alg that replaces all others: rotate(alg="EdDSA", ...)'
            )

        def change(content: RingContent, now_s: int) -> RingContent:
            keys = [generate_key(name) for name in (newest_algs(content) if alg is None else (alg,))]
            return rotated(content, keys, at_once=at_once, replaces_all=replaces_all, now_s=now_s)

        return self._change(change).signing[-1].entry.kid

    def retire(self, kid: str) -> None:
        """Refuse whatever was made with a key, in all processes within about a second.

        Args:
            kid: of any key but the newest of its kind, or the last that issues of one that is about to be replaced.

        Raises:
            ConfigurationError: no such key, one that nothing follows, or the ring cannot be changed from here.
            StoreUnavailable: it cannot be written now; it is as it was.
        """
        self._change(lambda content, now_s: without(content, kid, now_s=now_s))

    def _change(self, change: Callable[[RingContent, int], RingContent]) -> RingContent:
        """Read, change and write the ring while every other writer waits, then follow the change."""
        with self._storage.lock():
            content = change(_read(self._storage), int(self._clock()))
            self._storage.write(dump_ring(content))
        with self._guard():
            self._reload()
        return content

    # -------------------------------------------------------------------------------------------------- show

    @property
    def path(self) -> Path | None:
        """The absolute path of the file; None where the ring is in no file."""
        return getattr(self._storage, "path", None)

    @property
    def schedule(self) -> RotationSchedule:
        """The schedule that all processes of this ring follow."""
        return self._view.content.schedule

    def entries(self) -> tuple[RingEntry, ...]:
        """All keys of the ring with their times, signing keys first, the oldest first; nothing secret."""
        return self._now().content.entries()

    def public(self) -> JWKSet:
        """The public JWKs that others may verify with, those that sign later too: none shared, none of PASETO."""
        held = [key for key in self._now().verification if isinstance(key, JWK)]
        keys = [key for key in held if key.kty in PUBLISHED_KTYS and not key.is_private]
        return JWKSet(keys, allow_empty=True)  # a ring that signs with a secret publishes nothing

    def describe(self) -> str:
        """Say in words where the ring is, which keys do what, and what is wrong with it. Nothing secret."""
        from daypass.keyring.description import describe_ring

        view = self._now()
        return describe_ring(view.content, location=self._storage.location, now_s=self._clock(), fault=self._fault)

    def __repr__(self) -> str:
        return f"<KeyRing: {self._storage.location}, redacted>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a key ring is not pickled: open it in each process")

    # ------------------------------------------------------------------------------------------------ follow

    def _now(self) -> View:
        """Find the view of this moment."""
        # While one thread reads the ring again, the others go on with what there is.
        if self._monotonic() >= self._poll_at and (guard := self._guard()).acquire(blocking=False):
            try:
                self._reload()
            finally:
                guard.release()
        if not self._view.holds(self._clock()):
            with self._guard():
                if not self._view.holds(now_s := self._clock()):
                    self._view = look_at(self._view.content, now_s, epoch=self._view.epoch + 1)
        return self._view

    def _reload(self) -> None:
        """Read the text again if it has changed; where that fails, keep what is there. Under ``_guard``."""
        self._poll_at = self._monotonic() + POLL_S
        version = self._storage.version()
        if version == self._version and not self._fault:
            return
        try:
            content = _read(self._storage)
        except DaypassError as error:
            self._report(str(error))
            return
        self._report("")
        self._version = version
        self._view = look_at(content, self._clock(), epoch=self._view.epoch + 1)

    def _report(self, fault: str) -> None:
        """Remember what is wrong, and log it once."""
        is_news = bool(fault) and fault != self._fault
        self._fault = fault
        if is_news:
            import logging

            logging.getLogger("daypass.keyring").warning("%s; going on with the keys read before", fault)

    def _guard(self) -> threading.RLock:
        """The lock of this process: that of a parent may be held by a thread that was not forked."""
        if self._lock_pid != os.getpid():
            self._lock, self._lock_pid = threading.RLock(), os.getpid()
        return self._lock


def _read(storage: RingStorage) -> RingContent:
    """Read and check a ring that must be there."""
    text = storage.read()
    if text is None:
        raise ConfigurationError(
            f"{storage.location}: the key ring is gone: put the backup back (a restart makes a new one)"
        )
    return parse_ring(text, where=storage.location)
