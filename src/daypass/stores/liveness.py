"""Is a connection that lay idle still good? Enters: a socket, a time. Leaves: yes or no, without a trip where possible.

A server that went away has closed the connection, and that can be seen: what an idle socket has to read is the end.
A firewall that forgot it says nothing, so one that was idle for long is not used again, and one that was idle for a
while is asked first. Under load neither costs anything.
"""

from __future__ import annotations

import select
from typing import Final

__all__ = ["ASKED_AFTER_S", "DROPPED_AFTER_S", "READ", "WRITE", "is_silent", "ready_of"]

_IN: Final = select.POLLIN | select.POLLPRI if hasattr(select, "poll") else 0
READ: Final = 1
WRITE: Final = 2
ASKED_AFTER_S: Final = 1.0
"""A connection that was idle for longer is asked before it is used, in seconds."""
DROPPED_AFTER_S: Final = 60.0
"""A connection that was idle for longer is not used again, in seconds: the shortest limits of firewalls are above."""


def is_silent(descriptor: int) -> bool:
    """Tell whether there is nothing to read from a socket, not even its end."""
    return descriptor >= 0 and not ready_of(descriptor, READ, 0)


def ready_of(descriptor: int, wanted: int, within_s: float) -> int:
    """Wait until a socket can be read or written; say which, 0 where neither came true in time.

    Args:
        descriptor: of the socket.
        wanted: READ, WRITE, or both added.
        within_s: seconds.
    """
    if not hasattr(select, "poll"):  # Windows, where select has no bound for descriptors
        readers, writers = [descriptor] * bool(wanted & READ), [descriptor] * bool(wanted & WRITE)
        readable, writable, _ = select.select(readers, writers, [], within_s)
        return READ * bool(readable) + WRITE * bool(writable)
    poll = select.poll()
    poll.register(descriptor, _IN * bool(wanted & READ) + select.POLLOUT * bool(wanted & WRITE))
    found = 0
    for _, events in poll.poll(within_s * 1000):
        found |= READ * bool(events & _IN) + WRITE * bool(events & select.POLLOUT)
        if events & ~(_IN | select.POLLOUT):  # an end, an error: whoever reads or writes is told
            found |= wanted
    return found
