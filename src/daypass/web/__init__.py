"""The web room: what every HTTP integration shares, whatever its framework.

Enters: a request as plain values (``transport.Request``). Leaves: a response as plain values. The server and
the framework integrations mount the functions of ``endpoints``; nothing here knows an event loop or a framework.
"""
