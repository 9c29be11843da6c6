"""How a ring is changed from a process: by hand, and by its schedule. Enters: what is wanted. Leaves: another ring.

Whoever changes it reads it again under the lock of its place, so that no process undoes what another has done.
Source: DESIGN.md 5 (key ring).
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

import msgspec

from daypass.concealed import Concealed
from daypass.errors import ConfigurationError, DaypassError
from daypass.keyring.changes import Reason
from daypass.keyring.content import RingContent, dump_ring
from daypass.keyring.reading import UNKNOWN, RingReader, read_ring
from daypass.keyring.rotation import Request, due, rotated, without
from daypass.keyring.schedule import RotationSchedule
from daypass.keyring.storage import RingStorage
from daypass.keyring.token_key import generate_key

if TYPE_CHECKING:
    from daypass.keyring.master_key import MasterKey, MasterKeys

__all__ = ["RingChanger", "wrapped"]

RETRY_S: Final = 10.0
"""After how many seconds a scheduled rotation that failed is tried again."""
REST_S_MIN: Final = 0.01


class RingChanger(RingReader):
    """What a ring does to its place."""

    __slots__ = ("_rotates", "_rotation_at", "_rotation_fault")

    def __init__(self, storage: RingStorage, *, clock: Callable[[], float], monotonic: Callable[[], float]) -> None:
        super().__init__(storage, clock=clock, monotonic=monotonic)
        self._rotates = False
        self._rotation_at = monotonic()
        self._rotation_fault = ""

    def rotate(self, *, at_once: bool = False, alg: str | None = None, replaces_all: bool = False) -> str:
        """Add keys and a secret that follow those in use. What was made with those stays valid for its time.

        Keys of one kind follow each other, those of other kinds go on beside them: signatures of JOSE are one kind,
        symmetric encryption of JOSE another, and each version and purpose of PASETO is one. So nodes can go over to
        another format one by one, with a key for each in the same ring. Of processes that ask at the same time one
        makes the keys, and the others take them for theirs.

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
        request = Request(alg=alg, at_once=at_once, replaces_all=replaces_all)
        before = read_ring(self._storage)
        found = ""

        def change(content: RingContent, now_s: float) -> RingContent | None:
            nonlocal found
            if found := request.met_since(before, content, now_s):
                return None
            keys = [generate_key(name) for name in request.algs(content)]
            return rotated(content, keys, at_once=at_once, replaces_all=replaces_all, now_s=now_s)

        content = self._change(change)
        return found or content.signing[-1].entry.kid

    def retire(self, kid: str) -> None:
        """Refuse whatever was made with a key, in all processes within about two seconds.

        Args:
            kid: of any key but the newest of its kind, or the last that issues of one that is about to be replaced.

        Raises:
            ConfigurationError: no such key, one that nothing follows, or the ring cannot be changed from here.
            StoreUnavailable: it cannot be written now; it is as it was.
        """
        self._change(lambda content, now_s: without(content, kid, now_s=now_s))

    def rewrap(self) -> None:
        """Write the ring again, so that it is wrapped under the first of the master keys. Raises as ``rotate`` does."""
        self._change(lambda content, _now_s: content)

    def copy_to(
        self,
        storage: RingStorage,
        *,
        master_key: MasterKey | MasterKeys | Sequence[MasterKey] | None = None,
        name: str = "daypass",
    ) -> None:
        """Put this ring, as this process knows it, into a place that holds none: another one, or its own that lost it.

        Args:
            storage: the place.
            master_key: as for ``from_storage``.
            name: as for ``from_storage``.

        Raises:
            ConfigurationError: a ring is there, no master key, or the place cannot be written to.
            StoreUnavailable: the place cannot be written now.
        """
        given = Concealed(master_key)
        del master_key  # a secret: no frame of ours shows it
        place = wrapped(storage, given, name)
        text = dump_ring(self._now().content)
        with place.lock():
            if place.read() is not None:
                raise ConfigurationError(f"{place.location}: a key ring is there already, and was left as it is")
            place.write(text)

    def on_change(self, callback: Callable[[Reason, str], object]) -> Callable[[], None]:
        """Have something called with ``"rotate"`` or ``"retire"`` and the kid of each key that came or went.

        It is called once in each process, whoever changed the ring: by ``rotate`` and ``retire`` before they return, of
        changes of others, and of one that was read before the process that made it had taken note, from a thread of its
        own. What it raises is logged, and reaches nobody.

        Returns:
            A function that takes it off again.
        """
        return self._listeners.add(callback)

    def _change(self, change: Callable[[RingContent, float], RingContent | None]) -> RingContent:
        """Read, change and write the ring while every other writer waits, then follow the change."""
        place, version = self._storage, UNKNOWN
        with place.lock():
            content = read_ring(place)
            self._refuse_older(content)
            after = change(content, content.schedule.moment(self._clock()))
            if after is not None:
                ring_id = content.ring_id or secrets.token_urlsafe(16)
                content = msgspec.structs.replace(after, ring_id=ring_id, serial=content.serial + 1)
                place.write(dump_ring(content))
            if not place.is_remote:  # a server might make this wait for our own lock
                version = place.version()
        changes = self._take_own(content, version)
        if self._follower is not None and self._follower.is_inside():
            self._listeners.tell_later(changes)
        else:
            self._listeners.tell(changes)
        return content

    # ---------------------------------------------------------------------------------------------- schedule

    def _rotate_by(self, schedule: RotationSchedule) -> None:
        """Rotate from now on what is due, if the schedule of this process says that it does so."""
        if schedule.rotate_every_s and not getattr(self._storage, "is_read_only", False):
            self._rotates = True
            self._follow()

    def _look_in_thread(self) -> float:
        rest_s = super()._look_in_thread()
        if not self._rotates or self._monotonic() < self._rotation_at:
            return rest_s
        now_s = self._clock()
        wanted = due(self._view.content, now_s)
        if not wanted:
            return min(rest_s, max(REST_S_MIN, wanted.next_s - now_s))
        fault = ""
        try:
            self._change(_rotate_what_is_due)
        except DaypassError as error:
            fault = str(error)
        except Exception as error:  # noqa: BLE001 - a driver's surprise must not end the thread
            fault = f"{self._storage.location}: {type(error).__name__}"
        if fault:
            self._rotation_at = self._monotonic() + RETRY_S
        is_news, self._rotation_fault = fault != self._rotation_fault, fault
        self._announce([], f"the scheduled rotation failed: {fault}" if fault and is_news else "")
        return REST_S_MIN


def _rotate_what_is_due(content: RingContent, now_s: float) -> RingContent | None:
    """Rotate by the schedule, where no other process was faster."""
    wanted = due(content, now_s)
    if not wanted:
        return None
    keys = [generate_key(alg) for alg in wanted.algs]
    return rotated(content, keys, now_s=now_s, with_secret=wanted.with_secret)


def wrapped(storage: RingStorage, master_key: Concealed, name: str) -> RingStorage:
    """Put the wrapping around a place, where there is a master key or has to be one."""
    if master_key.value is None:
        if storage.is_remote:
            raise ConfigurationError(
                f"{storage.location}: a key ring on a server is wrapped under a master key: pass"
                " master_key=master_key_from_env(), which reads DAYPASS_MASTER_KEY"
            )
        return storage
    from daypass.keyring.master_key import MasterKeys
    from daypass.keyring.wrapped import WrappedStorage

    is_made = isinstance(master_key.value, MasterKeys)
    return WrappedStorage(storage, master_key.value if is_made else MasterKeys(master_key.value), name=name)
