"""KeyRing: keys that follow each other by the clock, in all processes. Enters: a place. Leaves: keys.

What is read of the place, and when, is for ``reading``; how a process changes it, for ``changing``.
Source: DESIGN.md 5 (key ring).
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Final, NoReturn, Self, final

from daypass.concealed import Concealed
from daypass.jose.jwk import JWK
from daypass.jose.jwk_set import JWKSet
from daypass.keyring.changing import RingChanger, wrapped
from daypass.keyring.content import dump_ring
from daypass.keyring.entry import RingEntry
from daypass.keyring.memory import MemoryStorage
from daypass.keyring.rotation import new_ring, widened
from daypass.keyring.schedule import RotationSchedule
from daypass.keyring.storage import RingStorage
from daypass.keyring.token_key import generate_key

if TYPE_CHECKING:
    from daypass.keyring.master_key import MasterKey, MasterKeys
    from daypass.tokens.source import TokenKey

__all__ = ["KeyRing"]

PUBLISHED_KTYS: Final = frozenset({"RSA", "EC", "OKP", "AKP"})


@final
class KeyRing(RingChanger):
    """The keys that sign, verify and derive, and when. Make one with the class methods.

    A ring on a server is followed by a thread, and one with ``schedule.rotate_every_s`` is rotated by it: ``close``
    ends that before the store is closed.

    Args:
        storage: where it is kept; a ring is there.
        clock: epoch seconds.
        monotonic: seconds that never go back, for the bounds on reading.

    Raises:
        ConfigurationError: no whole ring is there.
        WeakKey: it holds a secret that is too short or can be guessed.
        StoreUnavailable: it cannot be read now.
    """

    __slots__ = ()

    def __init__(
        self,
        storage: RingStorage,
        *,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(storage, clock=clock, monotonic=monotonic)

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
        """Read a ring from an environment variable: a secret text, a private JWK, a JWK Set, a PASERK, or a whole ring.

        Args:
            name: of the variable. In a JWK Set the first private key of each kind issues, the others verify.
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
        master_key: MasterKey | MasterKeys | Sequence[MasterKey] | None = None,
        alg: str = "EdDSA",
        schedule: RotationSchedule | None = None,
        name: str = "daypass",
        may_create: bool = True,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> KeyRing:
        """Open the ring that a storage keeps, ``SQLStore.ring_storage()``, say, or make it.

        A ring on a server is read by a thread, about once a second, so that all nodes follow each other within seconds
        and no ``verify`` waits for the server. Where the server loses it (FLUSHALL), running processes go on with what
        they have and ``describe`` says so, until a process starts: that one makes a new ring, all follow it, and what
        was issued before is refused. Nothing is put back by itself; before that restart, ``copy_to`` does it.

        Args:
            storage: where the ring is kept.
            master_key: 32 random bytes that the storage never sees, or a JWK of them; ``master_key_from_env()`` reads
                DAYPASS_MASTER_KEY. A ring on a server needs it. Of several the first wraps and the others unwrap: put
                the new one behind the old one on all nodes, then in front, ``rewrap``, then leave the old one out.
            alg: of the first key of a new ring.
            schedule: of a new ring; an old one is widened.
            name: of the ring, authenticated with it: rings that share a master key do not stand for each other.
            may_create: False where sessions exist that hang on a ring: then one that is gone is an error.
            clock: epoch seconds.
            monotonic: seconds that never go back.

        Raises:
            ConfigurationError: no master key, another one than the ring is wrapped under, a ring that was tampered
                with, or one that is gone.
            WeakKey: the master key, or a secret in the ring, is too short or can be guessed.
            StoreUnavailable: the storage cannot be read or written now.
        """
        given = Concealed(master_key)
        del master_key  # a secret: no frame of ours shows it
        place = wrapped(storage, given, name)
        if may_create and place.read() is None:
            key = generate_key(alg)
            wanted = schedule or RotationSchedule()
            content = new_ring(key, schedule=wanted, now_s=wanted.moment(clock()))
            with place.lock():
                if place.read() is None:  # and no other process was faster
                    place.write(dump_ring(content))
        ring = cls(place, clock=clock, monotonic=monotonic)
        if schedule is not None:
            if ring.schedule.widened(schedule) != ring.schedule:
                ring._change(lambda content, now_s: widened(content, schedule, now_s=now_s))
            ring._rotate_by(schedule)
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

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

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
        from daypass.keyring.description import Circumstances, describe_ring

        view = self._now()
        circumstances = Circumstances(
            location=self._storage.location,
            is_remote=self._storage.is_remote,
            is_read_only=getattr(self._storage, "is_read_only", False),
            rotates=self._rotates,
            silent_s=self._monotonic() - self._read_at,
            fault=self._fault,
            rotation_fault=self._rotation_fault,
            master_kid=getattr(self._storage, "master_kid", None),
            wrapped_under=getattr(self._storage, "wrapped_under", None),
        )
        return describe_ring(view.content, circumstances, now_s=self._clock())

    def __repr__(self) -> str:
        return f"<KeyRing: {self._storage.location}, redacted>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a key ring is not pickled: open it in each process")
