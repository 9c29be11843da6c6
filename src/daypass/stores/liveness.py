"""Is a connection that lay idle still good? Enters: a socket, a time. Leaves: yes or no, without a trip where possible.

A server that went away has closed the connection, and that can be seen: what an idle socket has to read is the end.
A firewall that forgot it says nothing, so one that was idle for long is not used again, and one that was idle for a
while is asked first. Under load neither costs anything.
"""

from __future__ import annotations

import select
from typing import Final

__all__ = ["ASKED_AFTER_S", "DROPPED_AFTER_S", "is_silent"]

ASKED_AFTER_S: Final = 1.0
"""A connection that was idle for longer is asked before it is used, in seconds."""
DROPPED_AFTER_S: Final = 60.0
"""A connection that was idle for longer is not used again, in seconds: the shortest limits of firewalls are above."""


def is_silent(descriptor: int) -> bool:
    """Tell whether there is nothing to read from a socket."""
    if descriptor < 0:
        return False
    if not hasattr(select, "poll"):  # Windows, where any descriptor will do for select
        return not select.select([descriptor], [], [], 0)[0]
    poll = select.poll()
    poll.register(descriptor, select.POLLIN | select.POLLPRI)
    return not poll.poll(0)
