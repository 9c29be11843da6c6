"""``daypass sessions``: live sessions, beside a running service. Enters: a subject, a sid. Leaves: a list, ended ones.

Ending sessions needs no key, only the store: what is ended here is refused by every process within its feed's delay.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from daypass.cli.options import Data, moment, print_table
from daypass.cli.places import Store, existing_store, service_settings, store_place
from daypass.concealed import Concealed
from daypass.errors import ConfigurationError, UnknownSession

if TYPE_CHECKING:
    from daypass.server.settings import Settings
    from daypass.stores.protocol import SessionStore

__all__ = ["group"]

group = typer.Typer(help="Live sessions: list, end one, end all of a subject.", no_args_is_help=True)

Subject = Annotated[
    str,
    typer.Argument(
        help="Whose: the subject of the tokens; with the service's own database, an e-mail address too.",
        show_default=False,
    ),
]


@group.command("list")
def list_sessions(subject: Subject, *, store: Store = None, data: Data = None) -> None:
    """List the live sessions of a subject, the last refreshed first. Times are UTC."""
    with _opened(store, data) as (opened, subject_of):
        rows = opened.active(subject_of(subject), now_s=time.time())
    print_table(
        ("SID", "DEVICE", "STARTED", "LOGIN", "REFRESHED", "ENDS"),
        [
            (
                row.sid,
                row.device or "",
                moment(row.created_at),
                moment(row.authenticated_at),
                moment(row.last_refreshed_at),
                moment(min(row.ends_at, row.idle_ends_at)),
            )
            for row in rows
        ],
    )


@group.command()
def end(
    sid: Annotated[str, typer.Argument(help="Which: the first column of `list`.", show_default=False)],
    *,
    store: Store = None,
    data: Data = None,
) -> None:
    """End one session; ending it twice is no error."""
    from daypass.sessions.refresh_token import is_sid

    with _opened(store, data) as (opened, _):
        if not is_sid(sid) or opened.end(sid, now_s=time.time()) is None:
            raise UnknownSession("there is no such session: `daypass sessions list` shows their sids")
    print("ended; processes that follow the feed refuse it within their delay")


@group.command("end-all")
def end_all(
    subject: Subject,
    *,
    keep: Annotated[str | None, typer.Option(help="The sid of one that stays.", show_default=False)] = None,
    store: Store = None,
    data: Data = None,
) -> None:
    """End every session of a subject."""
    with _opened(store, data) as (opened, subject_of):
        whose, now_s = subject_of(subject), time.time()
        if keep is not None and all(row.sid != keep for row in opened.active(whose, now_s=now_s)):
            raise UnknownSession("--keep names no live session of this subject: nothing was ended")
        ended = opened.end_all(whose, now_s=now_s, except_sid=keep)
    print(f"sessions ended: {len(ended)}")


@contextmanager
def _opened(url: str | None, data: Path | None) -> Iterator[tuple[SessionStore, Callable[[str], str]]]:
    """Open the store of a URL, or that of the service, and say how a subject is found in it."""
    place = store_place(url, data)
    del url
    find: Callable[[str], str] = str
    if place is None:
        settings = service_settings(data, takes_store=True)
        place, find = Concealed(settings.database_url), partial(_subject_of, settings)
    with existing_store(place) as store:
        if not hasattr(store, "active"):
            raise ConfigurationError(
                "memcached keeps reference tokens alone, which nobody can list: a program ends one by Sessions.end(sid)"
            )
        yield store, find


def _subject_of(settings: Settings, name: str) -> str:
    """Find the account of an e-mail address; anything else is a subject already."""
    if "@" not in name:
        return name
    from daypass.server.boot import open_accounts

    with open_accounts(settings) as accounts:
        return accounts.id_of(name)
