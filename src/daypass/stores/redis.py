"""Sessions in Redis or Valkey, on one server or in a Cluster. Enters and leaves: rows.

Every script touches one slot. Where a verb needs two, they are written in the order in which a crash between them does
the least: the list of a subject before the session, so that ``end_all`` finds it; the entry of the feed before the row,
so that no ended session is accepted (a session whose end was not confirmed may be refused, never the other way round).
Every command may be sent twice, when a connection broke before the answer: the second time changes nothing more, and
the loser of a compare-and-swap reads again.

Sessions leave by themselves, by the time that their keys have left. A server that evicts keys to make room ends
sessions and forgets that others have ended: ``maxmemory-policy`` must be ``noeviction``. What a crash of the server
loses is for its persistence to say: with ``appendfsync everysec``, logins and logouts of the last second.

Source: DESIGN.md 5 (sessions, ending, store protocol).
"""

from __future__ import annotations

import base64
import hashlib
import math
import secrets
import time
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final, NoReturn, final

import msgspec

from daypass.errors import ConfigurationError, StoreUnavailable
from daypass.limits import LEEWAY_S_MAX, PURGED_AFTER_S
from daypass.stores.protocol import Denial, Feed, SessionRow
from daypass.stores.redis_connection import Commands
from daypass.stores.redis_ring import RedisRing
from daypass.stores.redis_scripts import DENIALS, DENY, END, FORGET_DENIALS, INDEX, INSERT, LISTED, REPLACE

if TYPE_CHECKING:
    from redis import Redis
    from redis.cluster import RedisCluster

    from daypass.keyring.storage import RingStorage

__all__ = ["RedisStore", "open_redis"]

TIMEOUT_S: Final = 5.0
"""How long a server may take to answer, in seconds."""
WRITING_S: Final = 60
"""How long a login may take from the list of its subject to its row, in seconds."""
CLOCK_S: Final = 3600
"""How long keys stay beyond what the clock of one caller says, in seconds: another's may be wrong."""
ENDS_TRIED_MAX: Final = 8
_UNTIL_BYTES: Final = 8
_UNREADABLE: Final = "the session store holds a session that cannot be read: was it changed by hand?"
_CONSTANT: Final = ("client_id", "created_at", "device", "ends_at", "sid", "subject")
_MUTABLE: Final = tuple(
    name for name in SessionRow.__struct_fields__ if name not in (*_CONSTANT, "ended_at", "generation")
)
_encode: Final = msgspec.json.Encoder().encode
_decode: Final = msgspec.json.Decoder().decode
_ROW: Final = ("HMGET", "i", "m", "g", "e")


@final
class RedisStore:
    """A session store in Redis.

    Args:
        client: a ``redis.Redis`` or ``redis.cluster.RedisCluster``; stays the caller's. Give it timeouts.
        prefix: of every key.

    Raises:
        ConfigurationError: another client, or a server that evicts keys.
        StoreUnavailable: the server cannot answer.
    """

    __slots__ = ("__weakref__", "_closes", "_commands", "_feed", "_prefix")

    def __init__(self, client: Redis | RedisCluster, *, prefix: str = "daypass") -> None:
        if not prefix or not prefix.isascii() or set("{}") & set(prefix):
            raise ConfigurationError("prefix is an ASCII text without braces: it begins every key")
        self._commands = Commands(client)
        self._closes = False
        self._prefix = prefix
        self._feed = tuple(f"{prefix}:{{feed}}:{name}" for name in ("id", "ended", "until"))
        evicting = self._commands.settings("maxmemory-policy") - {"noeviction"}
        if evicting:
            raise ConfigurationError(
                f"this Redis evicts keys ({', '.join(sorted(evicting))}): it would forget who has logged out;"
                " set maxmemory-policy to noeviction"
            )

    # --------------------------------------------------------------------------------------------- sessions

    def insert(self, row: SessionRow, *, sessions_max: int, now_s: float) -> tuple[Denial, ...]:
        """Add a session, then end what is beyond the cap: of two logins at once, the later ends the other."""
        left = _seconds(row.ends_at, now_s)
        before = self._commands.run(INDEX, [self._index(row.subject)], row.sid, now_s, left)
        # Where the first answer was lost this session was there before, too: it makes no place for itself.
        others = [
            word for pair in zip(before[::2], before[1::2], strict=True) if pair[0] != row.sid.encode() for word in pair
        ]
        ended_at = self._commands.run(
            INSERT,
            [self._session(row.sid)],
            _encode({name: getattr(row, name) for name in _CONSTANT}),
            _mutable(row),
            row.generation,
            row.subject,
            row.access_until,
            _seconds(row.idle_ends_at, now_s),
        )
        denials: list[Denial] = []
        if ended_at is not None:  # a newer login had no place for this one
            denials += filter(None, [self.end(row.sid, now_s=now_s)])
        if len(others) // 2 >= sessions_max:
            listed = self._listed(row.subject, others, now_s)
            denials += self._end_many([sid for sid, _ in listed[sessions_max - 1 :]], now_s)
        return tuple(denials)

    def get(self, sid: str) -> SessionRow | None:
        """Read a session, ended or not."""
        key = self._session(sid)
        return _row_of(self._commands.call(key, _ROW[0], key, *_ROW[1:]))

    def replace(self, row: SessionRow, *, generation: int) -> bool:
        """Compare and swap, in one step."""
        # The time left counts from the last refresh: that is when this row was made.
        left = _seconds(row.idle_ends_at, row.last_refreshed_at)
        words = (generation, _mutable(row), row.generation, row.access_until, left)
        return bool(self._commands.run(REPLACE, [self._session(row.sid)], *words))

    def end(self, sid: str, *, now_s: float, subject: str | None = None) -> Denial | None:
        """End a session: the feed tells of it before the row says so."""
        row = self.get(sid)
        if row is None or (subject is not None and row.subject != subject):
            return None
        until = row.denied_until
        if row.ended_at is None:
            until = self._end(sid, until, now_s)
            self._unlist(row.subject, [sid])
        else:
            self._deny(sid, row.ended_at, until)  # whoever ended it may have died before, or the feed was lost
        return Denial(sid, until)

    def end_all(self, subject: str, *, now_s: float, except_sid: str | None = None) -> tuple[Denial, ...]:
        """End the sessions of a subject, those too that are just being written."""
        words = self._commands.run(LISTED, [self._index(subject)])
        listed = self._listed(subject, words, now_s, live_only=False)
        denials = self._end_many([sid for sid, _ in listed if sid != except_sid], now_s)
        self._unlist(subject, [denial.sid for denial in denials])
        return denials

    def active(self, subject: str, *, now_s: float) -> tuple[SessionRow, ...]:
        """List the live sessions of a subject, the last refreshed first."""
        words = self._commands.run(LISTED, [self._index(subject)])
        return tuple(row for _, row in self._listed(subject, words, now_s) if row is not None)

    def denials(self, *, since_s: float | None, now_s: float) -> Feed:
        """Read the feed and its name in one look."""
        since: float | str = "" if since_s is None else int(since_s)
        found = self._commands.run(DENIALS, self._feed, secrets.token_urlsafe(16), int(now_s), since)
        pairs = zip(found[1::2], found[2::2], strict=True)
        return Feed(_text(found[0]), tuple(Denial(_text(sid), _whole(until)) for sid, until in pairs))

    def purge(self, *, now_s: float, limit: int) -> int:
        """Remove entries of the feed that have not mattered for long. Sessions leave by themselves."""
        gone = self._commands.run(FORGET_DENIALS, self._feed[1:], int(now_s) - PURGED_AFTER_S, limit)
        return len(gone)

    def deny(self, denial: Denial, *, now_s: float) -> None:
        """Tell of an end whose session is not here any more: running processes remember what a FLUSHALL took."""
        self._deny(denial.sid, int(now_s), denial.until)

    # ------------------------------------------------------------------------------------------- references

    def put_reference(self, digest: bytes, sealed: bytes, *, until: int) -> None:
        """Keep what a reference token stands for."""
        key = self._reference(digest)
        value = until.to_bytes(_UNTIL_BYTES, "big") + sealed
        self._commands.call(key, "SET", key, value, "EX", _seconds(until, time.time()))

    def get_reference(self, digest: bytes, *, now_s: float, until: int | None = None) -> bytes | None:  # noqa: ARG002
        """Read what a reference token stands for. An entry keeps its time: ``until`` is for memcached."""
        key = self._reference(digest)
        value = self._commands.call(key, "GET", key)
        if value is None or int.from_bytes(value[:_UNTIL_BYTES], "big") <= now_s:
            return None
        return bytes(value[_UNTIL_BYTES:])

    def drop_reference(self, digest: bytes) -> bool:
        """Forget what a reference token stands for."""
        key = self._reference(digest)
        return bool(self._commands.call(key, "DEL", key))

    # -------------------------------------------------------------------------------------------- the place

    def ring_storage(self) -> RingStorage:
        """The place for a key ring in this Redis; wrap it: ``KeyRing.from_storage(..., master_key=...)``."""
        return RedisRing(self._commands, prefix=self._prefix)

    def close(self) -> None:
        """Close the connections that ``open_redis`` made."""
        if self._closes:
            self._commands.close()

    def __repr__(self) -> str:
        return f"RedisStore({self._commands.place()}, prefix {self._prefix})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a store is not pickled: open it in each process")

    # ------------------------------------------------------------------------------------------------ steps

    def _session(self, sid: str) -> str:
        return f"{self._prefix}:session:{{{sid}}}"

    def _index(self, subject: str) -> str:
        name = base64.urlsafe_b64encode(hashlib.sha256(subject.encode()).digest()[:18]).decode()
        return f"{self._prefix}:subject:{{{name}}}"

    def _reference(self, digest: bytes) -> str:
        return f"{self._prefix}:reference:{{{digest.hex()}}}"

    def _listed(
        self, subject: str, words: Sequence[bytes], now_s: float, *, live_only: bool = True
    ) -> list[tuple[str, SessionRow | None]]:
        """Read the sessions that the list of a subject names, the last refreshed first.

        One that is named and has no row is either being written now, and counts, or it is gone, and leaves the list, as
        one does that has ended: who logs in again and again is not to make each login longer than the one before.
        """
        names = [_text(sid) for sid in words[::2]]
        begun = [float(when) for when in words[1::2]]
        keys = [self._session(sid) for sid in names]
        found = self._commands.call_many(keys, [(_ROW[0], key, *_ROW[1:]) for key in keys])
        listed: list[tuple[str, SessionRow | None, float]] = []
        gone: list[str] = []
        for sid, began_s, values in zip(names, begun, found, strict=True):
            row = _row_of(values)
            if row is None:
                if abs(now_s - began_s) <= WRITING_S:
                    listed.append((sid, None, began_s))
                else:
                    gone.append(sid)
            elif row.ended_at is not None:
                gone.append(sid)
            elif row.subject == subject and (row.is_live(now_s) or not live_only):
                listed.append((sid, row, row.last_refreshed_at))
        if gone:
            self._unlist(subject, gone)
        listed.sort(key=lambda one: (-int(one[2]), -(one[1].created_at if one[1] else int(one[2])), one[0]))
        return [(sid, row) for sid, row, _ in listed]

    def _unlist(self, subject: str, sids: Iterable[str]) -> None:
        """Take sessions that have ended off the list of their subject."""
        index = self._index(subject)
        if names := list(sids):
            self._commands.call(index, "ZREM", index, *names)

    def _end_many(self, sids: Iterable[str], now_s: float) -> tuple[Denial, ...]:
        """End sessions that have not been ended, or are being written."""
        denials: list[Denial] = []
        for sid in sids:
            row = self.get(sid)
            if row is not None and row.ended_at is not None:
                continue  # somebody was faster
            until = int(now_s) + LEEWAY_S_MAX if row is None else row.denied_until
            denials.append(Denial(sid, self._end(sid, until, now_s)))
        return tuple(denials)

    def _end(self, sid: str, until: int, now_s: float) -> int:
        """Write the feed, then the row; a refresh in between makes it begin anew. Returns until when is denied."""
        for _ in range(ENDS_TRIED_MAX):
            self._deny(sid, int(now_s), until)
            left = _seconds(until, now_s)
            answer = self._commands.run(END, [self._session(sid)], int(now_s), until - LEEWAY_S_MAX, left)
            if answer == 1:
                return until
            until = int(answer) + LEEWAY_S_MAX
        raise StoreUnavailable("the session was refreshed again and again while it was to be ended: try again")

    def _deny(self, sid: str, ended_at: int, until: int) -> None:
        self._commands.run(DENY, self._feed, secrets.token_urlsafe(16), sid, ended_at, until)


def open_redis(url: str) -> RedisStore:
    """Open the sessions in a Redis.

    Args:
        url: ``redis://[[user]:password@]host:port/number``, or ``rediss://`` (TLS), with the options of redis-py;
            ``?cluster=true`` for a Redis Cluster.

    Raises:
        ConfigurationError: redis-py is not installed, or the URL cannot be read.
        StoreUnavailable: the server cannot answer.
    """
    try:
        import redis
        from redis.cluster import RedisCluster
    except ModuleNotFoundError:
        raise ConfigurationError('redis-py is not installed: pip install "daypass[redis]"') from None
    client: Any = None
    problem = ""
    try:
        base, is_cluster = _without_cluster(url)
        kind: Any = RedisCluster if is_cluster else redis.Redis
        client = kind.from_url(base, socket_timeout=TIMEOUT_S, socket_connect_timeout=TIMEOUT_S)
    except (redis.exceptions.RedisError, redis.exceptions.RedisClusterException) as error:
        problem = type(error).__name__
    except (ValueError, TypeError, AttributeError):
        pass
    url = base = ""  # it may hold a password, and a traceback may show the locals of this frame
    if problem:
        raise StoreUnavailable(f"the session store could not answer ({problem})")
    if client is None:
        raise ConfigurationError("the URL of this Redis cannot be read: redis://[user:password@]host:port/number")
    store = RedisStore(client)
    store._closes = True
    return store


def _without_cluster(url: str) -> tuple[str, bool]:
    """Split the option ``cluster=true`` off a URL."""
    from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

    parts = urlsplit(url)
    words = parse_qsl(parts.query)
    rest = [(name, value) for name, value in words if name != "cluster"]
    is_cluster = dict(words).get("cluster", "").lower() in {"1", "true", "yes"}
    return urlunsplit(parts._replace(query=urlencode(rest))), is_cluster


def _seconds(until: float, now_s: float) -> int:
    """How long a key stays that matters until a time."""
    return max(0, math.ceil(until - now_s)) + PURGED_AFTER_S + CLOCK_S


def _text(word: bytes) -> str:
    """Read a name. Raises StoreUnavailable: no daypass wrote it."""
    try:
        return word.decode("ascii")
    except UnicodeDecodeError:
        pass
    raise StoreUnavailable(_UNREADABLE)


def _whole(word: bytes) -> int:
    """Read a time, as Redis writes scores. Raises StoreUnavailable: no daypass wrote it."""
    try:
        return int(float(word))
    except (ValueError, OverflowError):
        pass
    raise StoreUnavailable(_UNREADABLE)


def _mutable(row: SessionRow) -> bytes:
    return _encode({name: getattr(row, name) for name in _MUTABLE})


def _row_of(values: Sequence[bytes | None]) -> SessionRow | None:
    """Put a row together.

    Raises:
        StoreUnavailable: it holds what no daypass wrote.
    """
    constant, mutable, generation, ended_at = values
    if constant is None:  # nothing there, or the mark of a login that was too late
        return None
    try:
        fields = {**_decode(constant), **_decode(mutable or b""), "generation": int(generation or 0)}
        fields["ended_at"] = None if ended_at is None else int(ended_at)
        return msgspec.convert(fields, SessionRow)
    except (msgspec.MsgspecError, ValueError, TypeError):
        pass
    raise StoreUnavailable(_UNREADABLE)
