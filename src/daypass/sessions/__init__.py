"""Sessions: log in, verify without a look-up, refresh with rotation, end one or all.

``manager.Sessions`` is what a service uses, ``policy.SessionPolicy`` its settings, ``values`` what it hands
out.
"""

from daypass.sessions.manager import Sessions as Sessions
from daypass.sessions.policy import SessionPolicy as SessionPolicy
from daypass.sessions.values import Grants as Grants
from daypass.sessions.values import Principal as Principal
from daypass.sessions.values import Session as Session
from daypass.sessions.values import TokenPair as TokenPair

__all__ = ["Grants", "Principal", "Session", "SessionPolicy", "Sessions", "TokenPair"]
