"""Sessions: log in, verify without a look-up, refresh with rotation, end one or all.

Enters: a subject, or a token. Leaves: token pairs, principals, sessions, events.
``manager.Sessions`` is what a service uses, ``asynchronous.AsyncSessions`` the same for an event loop,
``policy.SessionPolicy`` its settings, ``values`` what it hands out, ``events`` what it tells, ``json_lines`` who writes
that down.
"""

from daypass.sessions.asynchronous import AsyncSessions as AsyncSessions
from daypass.sessions.events import Event as Event
from daypass.sessions.json_lines import JsonLines as JsonLines
from daypass.sessions.manager import Sessions as Sessions
from daypass.sessions.policy import SessionPolicy as SessionPolicy
from daypass.sessions.values import Grants as Grants
from daypass.sessions.values import Principal as Principal
from daypass.sessions.values import Session as Session
from daypass.sessions.values import TokenPair as TokenPair

__all__ = [
    "AsyncSessions",
    "Event",
    "Grants",
    "JsonLines",
    "Principal",
    "Session",
    "SessionPolicy",
    "Sessions",
    "TokenPair",
]
