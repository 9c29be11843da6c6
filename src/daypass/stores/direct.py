"""Statements that go straight to the driver. Enters: a statement of SQLAlchemy Core. Leaves: text and values.

A statement is compiled once for a dialect; each time it is sent, only its values are put in order. What Core would do
for each execution (look up, check, log, wrap the answer) costs more than SQLite needs for the whole statement.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, final

import sqlalchemy as sa

from daypass.stores.drivers import Driver

__all__ = ["Statement"]

Values = tuple[Any, ...] | dict[str, Any]


@final
class Statement:
    """A compiled statement.

    Args:
        clause: with named parameters.
        driver: that it is sent with.

    Attributes:
        text: in the dialect's own SQL.
    """

    __slots__ = ("_constants", "_keeps_bytes", "_order", "text")

    def __init__(self, clause: sa.ClauseElement, driver: Driver) -> None:
        compiled = clause.compile(dialect=driver.dialect)
        self.text = str(compiled)
        order = getattr(compiled, "positiontup", None)
        self._order: tuple[str, ...] | None = None if order is None else tuple(order)
        self._constants = {name: value for name, value in (compiled.params or {}).items() if value is not None}
        self._keeps_bytes = driver.keeps_bytes

    def values(self, parameters: Mapping[str, Any]) -> Values:
        """Put the values of one execution into the order that the driver wants.

        Args:
            parameters: each that the statement names.
        """
        if self._constants:
            parameters = {**self._constants, **parameters}
        if self._order is None and not self._keeps_bytes:
            return parameters  # type: ignore[return-value]  # a dict
        if self._order is None:
            return {name: self._sent(value) for name, value in parameters.items()}
        if self._keeps_bytes:
            return tuple([self._sent(parameters[name]) for name in self._order])
        return tuple([parameters[name] for name in self._order])

    @staticmethod
    def _sent(value: object) -> object:
        return value.encode() if type(value) is str else value

    def __repr__(self) -> str:
        return f"<Statement: {self.text.partition(' ')[0]}>"
