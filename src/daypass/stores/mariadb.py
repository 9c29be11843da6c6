"""A MariaDB or MySQL server, through PyMySQL. Enters: a URL. Leaves: an engine that knows how to connect."""

from __future__ import annotations

import importlib.util
import inspect
from typing import Final

import sqlalchemy as sa
from sqlalchemy.pool import QueuePool

from daypass.concealed import Concealed
from daypass.errors import ConfigurationError
from daypass.stores.drivers import ANSWER_S

__all__ = ["mariadb_engine"]

_DEFAULTS: Final = {
    "connect_timeout": int(ANSWER_S),
    "read_timeout": int(ANSWER_S),
    "write_timeout": int(ANSWER_S),
    "charset": "utf8mb4",
}


def mariadb_engine(place: Concealed) -> sa.Engine:
    """Describe the connections that a URL asks for; makes none.

    Args:
        place: ``mysql://user:password@host:port/database?ssl_ca=...``, or ``mariadb://``.

    Raises:
        ConfigurationError: PyMySQL is missing, or the URL cannot be read.
    """
    if importlib.util.find_spec("pymysql") is None:
        raise ConfigurationError('PyMySQL is not installed: pip install "daypass[mariadb]"')
    engine = _engine(place)
    if engine is None:
        raise ConfigurationError(
            "this is no URL of MariaDB: mysql://user:password@host:3306/database?option=..., with the options of"
            " PyMySQL; a password with @ : / ? # in it is percent-encoded"
        )
    return engine


def _engine(place: Concealed) -> sa.Engine | None:
    """Read a URL; None where it cannot be read, so that no frame that raises shows any of it."""
    try:
        url = sa.make_url(place.value).set(drivername="mysql+pymysql")
        if not url.database:
            return None
        more = {name: value for name, value in _DEFAULTS.items() if name not in url.query}
        engine = sa.create_engine(
            url,
            connect_args=more,
            hide_parameters=True,
            poolclass=QueuePool,
            pool_size=8,
            max_overflow=32,
            pool_timeout=ANSWER_S,
        )
        return engine if _is_understood(engine) else None
    except (sa.exc.SQLAlchemyError, ValueError, TypeError):
        return None


def _is_understood(engine: sa.Engine) -> bool:
    """Tell whether PyMySQL knows every option of the URL: otherwise each connection would fail."""
    import pymysql

    known = inspect.signature(pymysql.connections.Connection.__init__).parameters
    return set(engine.dialect.create_connect_args(engine.url)[1]) <= set(known)
