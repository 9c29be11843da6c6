"""Rows of sessions as columns of a table, and back. Enters and leaves: rows, values of columns.

What a database gives back is checked like any input: SQLite keeps any value in any column, and a table may have been
changed by hand.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from daypass.errors import StoreUnavailable
from daypass.stores.protocol import SessionRow

__all__ = ["UNREADABLE", "changes_of", "columns_of", "is_text", "row_of", "text_of"]

UNREADABLE: Final = "the session store holds a session that cannot be read: was it changed by hand?"
_json: Final = msgspec.json.Encoder().encode
_texts: Final = msgspec.json.Decoder(tuple[str, ...]).decode
_times: Final = msgspec.json.Decoder(tuple[float, ...]).decode
_bag: Final = msgspec.json.Decoder(dict[str, Any]).decode


class _Stored(msgspec.Struct, frozen=True, array_like=True):
    """The columns of a row, in their order, as every driver but those of MariaDB gives them."""

    sid: str
    subject: str
    client_id: str
    device: str | None
    scopes: str
    roles: str
    data: str
    created_at: int
    authenticated_at: int
    last_refreshed_at: int
    ends_at: int
    idle_ends_at: int
    ended_at: int | None
    generation: int
    kid: str
    rotated_at: str
    nonce_sha256: bytes
    access_until: int


def is_text(text: str) -> bool:
    """Tell whether every database can keep a text: PostgreSQL keeps no NUL, and half a surrogate is no UTF-8."""
    if "\0" in text:
        return False
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def columns_of(row: SessionRow) -> dict[str, Any]:
    """Turn a new row into the values of its columns.

    Raises:
        ValueError: a text that not every database can keep.
    """
    for name, text in (("subject", row.subject), ("client_id", row.client_id), ("device", row.device or "")):
        if not is_text(text):
            raise ValueError(f"the {name} holds a NUL or half a character: a database does not keep that")
    values = changes_of(row)
    values["new_sid"] = row.sid
    values["new_subject"] = row.subject
    values["new_client_id"] = row.client_id
    values["new_device"] = row.device
    values["new_created_at"] = row.created_at
    values["new_ends_at"] = row.ends_at
    values["new_ended_at"] = row.ended_at
    values["new_denied_until"] = None
    return values


def changes_of(row: SessionRow) -> dict[str, Any]:
    """Turn a successor into the values of the columns that it brings."""
    return {
        "new_scopes": _json(row.scopes).decode(),
        "new_roles": _json(row.roles).decode(),
        "new_data": _json(row.data).decode(),
        "new_authenticated_at": row.authenticated_at,
        "new_last_refreshed_at": row.last_refreshed_at,
        "new_idle_ends_at": row.idle_ends_at,
        "new_generation": row.generation,
        "new_kid": row.kid,
        "new_rotated_at": _json(row.rotated_at).decode(),
        "new_nonce_sha256": row.nonce_sha256,
        "new_access_until": row.access_until,
        "new_purge_at": row.idle_ends_at,
    }


def text_of(value: Any) -> Any:  # noqa: ANN401 - what a driver gives back
    """Turn the bytes that MariaDB keeps for a text into it.

    Raises:
        StoreUnavailable: no daypass wrote them.
    """
    if not isinstance(value, bytes | bytearray | memoryview):
        return value
    try:
        return bytes(value).decode()
    except UnicodeDecodeError:
        pass
    raise StoreUnavailable(UNREADABLE)


def row_of(values: tuple[Any, ...], *, keeps_bytes: bool) -> SessionRow:
    """Turn the columns of a session, in the order of SessionRow, into a row.

    Args:
        values: as the driver gave them.
        keeps_bytes: whether its texts are bytes.

    Raises:
        StoreUnavailable: they hold what no daypass wrote.
    """
    try:
        if keeps_bytes:
            values = tuple([text_of(value) if number != _NONCE else value for number, value in enumerate(values)])
        stored = msgspec.convert(values, _Stored, builtin_types=(bytes,))
        return SessionRow(
            sid=stored.sid,
            subject=stored.subject,
            client_id=stored.client_id,
            device=stored.device,
            scopes=_texts(stored.scopes),
            roles=_texts(stored.roles),
            data=_bag(stored.data),
            created_at=stored.created_at,
            authenticated_at=stored.authenticated_at,
            last_refreshed_at=stored.last_refreshed_at,
            ends_at=stored.ends_at,
            idle_ends_at=stored.idle_ends_at,
            ended_at=stored.ended_at,
            generation=stored.generation,
            kid=stored.kid,
            rotated_at=_times(stored.rotated_at),
            nonce_sha256=stored.nonce_sha256,
            access_until=stored.access_until,
        )
    except (msgspec.MsgspecError, UnicodeDecodeError, TypeError):
        pass
    raise StoreUnavailable(UNREADABLE)


_NONCE: Final = _Stored.__struct_fields__.index("nonce_sha256")
