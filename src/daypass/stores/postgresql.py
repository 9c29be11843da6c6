"""A PostgreSQL server, through psycopg 3. Enters: a URL. Leaves: an engine that knows how to connect.

The URL is libpq's own, with all of its options. A server that does not answer within ANSWER_S, from a frozen host or
through a dead network, is given up.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.pool import QueuePool

from daypass.concealed import Concealed
from daypass.errors import ConfigurationError
from daypass.stores.drivers import ANSWER_S
from daypass.stores.liveness import ready_of

__all__ = ["postgresql_engine"]

_DEFAULTS: Final = {
    "application_name": "daypass",
    "connect_timeout": str(int(ANSWER_S)),
    # The server stops by itself what nobody waits for any more, and lets go what a dead client holds.
    "options": "-c statement_timeout=4500 -c idle_in_transaction_session_timeout=30000",
}


def postgresql_engine(place: Concealed) -> sa.Engine:
    """Describe the connections that a URL asks for; makes none.

    Args:
        place: ``postgresql://user:password@host:port/database?sslmode=...``.

    Raises:
        ConfigurationError: psycopg is missing, or the URL cannot be read.
    """
    try:
        import psycopg
    except ImportError:
        is_there = False
    else:
        is_there = True
    if not is_there:
        raise ConfigurationError('psycopg is not installed: pip install "daypass[postgresql]"')
    words = _words_of(place)
    if words is None:
        raise ConfigurationError(
            "this is no URL of PostgreSQL: postgresql://user:password@host:5432/database, and a password with @ : / ? #"
            " in it is percent-encoded"
        )

    class Impatient(psycopg.Connection[Any]):
        """A connection that waits for no answer longer than ANSWER_S."""

        def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:  # noqa: ANN401
            late = _late()
            try:
                if late is TimeoutError:
                    return _wait(gen, self.pgconn.socket)
                return super().wait(gen, interval, ANSWER_S if timeout is None else timeout)
            except late:
                pass
            self.pgconn.finish()
            raise psycopg.errors.ConnectionTimeout("timeout: no answer in time")

    return sa.create_engine(
        sa.URL.create(
            "postgresql+psycopg",
            host=words.value.get("host"),
            port=_port_of(words),
            database=words.value.get("dbname"),
        ),
        creator=lambda: Impatient.connect(**words.value),
        hide_parameters=True,
        use_native_hstore=False,
        poolclass=QueuePool,
        pool_size=8,
        max_overflow=32,
        pool_timeout=ANSWER_S,
    )


def _words_of(place: Concealed) -> Concealed | None:
    """Read a URL as libpq does; None where it cannot be read."""
    import psycopg
    from psycopg.conninfo import conninfo_to_dict

    try:
        words = Concealed({**_DEFAULTS, **conninfo_to_dict(place.value)})
    except (psycopg.Error, UnicodeError):
        return None
    ports = str(words.value.get("port") or "").split(",")
    return words if all(port.isdecimal() or not port for port in ports) else None


def _port_of(words: Concealed) -> int | None:
    port = str(words.value.get("port") or "")
    return int(port) if port.isdecimal() else None


def _late() -> type[Exception]:
    """Name what psycopg raises where the server is late; TimeoutError for those before 3.3.9, which wait for ever."""
    import psycopg

    late: type[Exception] = getattr(psycopg.errors, "_WaitTimeout", TimeoutError)
    return late


def _wait(gen: Generator[int, int, Any], descriptor: int) -> Any:  # noqa: ANN401 - whatever was asked
    """Do what the steps of psycopg wait for, but not for ever.

    Raises:
        TimeoutError: the server said nothing for ANSWER_S.
    """
    try:
        wanted = next(gen)
        while True:
            if not (ready := ready_of(descriptor, wanted, ANSWER_S)):
                raise TimeoutError
            wanted = gen.send(ready)
    except StopIteration as done:
        return done.value
