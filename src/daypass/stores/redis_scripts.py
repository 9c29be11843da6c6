"""What happens in one step on Redis, as scripts. Each touches the keys of one slot, so a Cluster runs them, too.

A session is a hash: ``i`` what never changes, ``m`` the rest (both JSON), ``g`` its generation, ``s`` its subject,
``u`` until when its access tokens live, ``e`` when it was ended. All times are arguments: the clock of the server is
used for nothing but the time that a key has left.

Source: DESIGN.md 5 (store protocol, ending); Redis: Scripting with Lua (atomicity).
"""

from __future__ import annotations

from typing import Final

from daypass.stores.redis_connection import Script

__all__ = ["DENIALS", "DENY", "END", "FORGET_DENIALS", "INDEX", "INSERT", "LISTED", "REPLACE", "RING_WRITE", "UNLOCK"]

INDEX: Final = Script("""
-- KEYS: index of a subject. ARGV: sid, now, seconds left. Answers the sids that were there before, with their times.
local others = redis.call('ZRANGE', KEYS[1], 0, -1, 'WITHSCORES')
redis.call('ZADD', KEYS[1], ARGV[2], ARGV[1])
if redis.call('TTL', KEYS[1]) < tonumber(ARGV[3]) then redis.call('EXPIRE', KEYS[1], ARGV[3]) end
return others
""")
"""Puts a session into the list of its subject, before the session is there."""

LISTED: Final = Script("""
return redis.call('ZRANGE', KEYS[1], 0, -1, 'WITHSCORES')
""")
"""Reads the list of a subject; as a script, because what a client speaks (RESP2, RESP3) changes the plain answer."""

INSERT: Final = Script("""
-- KEYS: session. ARGV: i, m, g, s, u, seconds left. Answers when it was ended: before it was written, by a newer login.
redis.call('HSET', KEYS[1], 'i', ARGV[1], 'm', ARGV[2], 'g', ARGV[3], 's', ARGV[4], 'u', ARGV[5])
redis.call('EXPIRE', KEYS[1], ARGV[6])
return redis.call('HGET', KEYS[1], 'e')
""")

REPLACE: Final = Script("""
-- KEYS: session. ARGV: generation expected, m, g, u, seconds left.
local found = redis.call('HMGET', KEYS[1], 'g', 'e')
if found[1] ~= ARGV[1] or found[2] then return 0 end
redis.call('HSET', KEYS[1], 'm', ARGV[2], 'g', ARGV[3], 'u', ARGV[4])
redis.call('EXPIRE', KEYS[1], ARGV[5])
return 1
""")
"""Compare and swap."""

END: Final = Script("""
-- KEYS: session. ARGV: now, u that the feed covers, seconds left. Answers 1, or the u that it does not cover yet.
local u = redis.call('HGET', KEYS[1], 'u')
if u and tonumber(u) > tonumber(ARGV[2]) then return u end
redis.call('HSETNX', KEYS[1], 'e', ARGV[1])
redis.call('EXPIRE', KEYS[1], ARGV[3])
return 1
""")
"""Ends a session that the feed tells of already, or one that is about to be written."""

DENY: Final = Script("""
-- KEYS: id, by time of the end, by time of oblivion. ARGV: new id, sid, ended at, until.
redis.call('SET', KEYS[1], ARGV[1], 'NX')
redis.call('ZADD', KEYS[2], 'NX', ARGV[3], ARGV[2])
redis.call('ZADD', KEYS[3], 'GT', ARGV[4], ARGV[2])
return 1
""")
"""Writes an entry of the revocation feed."""

DENIALS: Final = Script("""
-- KEYS: id, by time of the end, by time of oblivion. ARGV: new id, now, since or nothing. Answers id, sid, until, ...
local answer = {redis.call('GET', KEYS[1])}
if not answer[1] then
  redis.call('SET', KEYS[1], ARGV[1])
  answer[1] = ARGV[1]
end
if ARGV[3] == '' then
  for _, word in ipairs(redis.call('ZRANGEBYSCORE', KEYS[3], '(' .. ARGV[2], '+inf', 'WITHSCORES')) do
    answer[#answer + 1] = word
  end
else
  for _, sid in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], ARGV[3], '+inf')) do
    local until_s = redis.call('ZSCORE', KEYS[3], sid)
    if until_s and tonumber(until_s) > tonumber(ARGV[2]) then
      answer[#answer + 1] = sid
      answer[#answer + 1] = until_s
    end
  end
end
return answer
""")
"""Reads the feed and its id in one look. It writes nothing where there is a feed: a Redis that is full answers."""

FORGET_DENIALS: Final = Script("""
-- KEYS: by time of the end, by time of oblivion. ARGV: before, at most.
local gone = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', '(' .. ARGV[1], 'LIMIT', 0, ARGV[2])
for _, sid in ipairs(gone) do
  redis.call('ZREM', KEYS[1], sid)
  redis.call('ZREM', KEYS[2], sid)
end
return gone
""")
"""Removes entries of the feed that have not mattered for long."""

RING_WRITE: Final = Script("""
-- KEYS: ring, lock. ARGV: token of the lock, text, version.
if redis.call('GET', KEYS[2]) ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'text', ARGV[2], 'version', ARGV[3])
return 1
""")
"""Replaces a key ring, for whoever holds its lock."""

UNLOCK: Final = Script("""
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
""")
