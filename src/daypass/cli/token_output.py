"""How tokens are shown to people, and written for machines. Enters: what a stranger's token says. Leaves: text.

A terminal obeys control characters, so none of a token reaches it: whatever is not printable is written as an escape.
Colours are for terminals (NO_COLOR switches them off); elsewhere each thing stands on one line, however long.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from daypass.encoding import b64url_encode
from daypass.limits import NUMERIC_DATE_MAX

if TYPE_CHECKING:
    from daypass.tokens.inspection import Finding, UnverifiedToken

__all__ = [
    "inspection_as_json",
    "print_claims",
    "print_inspection",
    "print_json",
    "print_octets",
    "printable",
    "show_claims",
    "since",
]

_STYLES: Final = {"error": "bold red", "warning": "yellow", "info": "cyan"}
_MARKS: Final = {"error": "\u2717", "warning": "!", "info": "\u00b7"}
_DATES: Final = frozenset({"iat", "nbf", "exp", "auth_time", "updated_at"})
_UNITS: Final = ((31_556_952, "years"), (86_400, "days"), (3600, "hours"), (60, "minutes"), (1, "seconds"))


def print_inspection(seen: UnverifiedToken) -> None:
    """Show what a token says, and what is wrong with it."""
    console = _console()
    kinds = {"jws": "signed (JWS)", "jwe": "encrypted (JWE)"}
    paseto = "encrypted (PASETO)" if seen.header.get("purpose") == "local" else "signed (PASETO)"
    kind = kinds.get(seen.kind, paseto)
    _print_title(console, f"{kind}, {seen.form}, {seen.token_bytes} bytes; ", ("not verified", "bold yellow"))
    for header in seen.headers:
        _print_members(console, header.where, header.members, now_s=seen.now_s)
    if seen.claims is not None:
        _print_members(console, "claims", seen.claims, now_s=seen.now_s)
    elif seen.payload:
        _print_octets_of(console, "payload", seen.payload)
    if seen.footer:
        _print_octets_of(console, "footer", seen.footer)
    _print_findings(console, seen.findings)


def print_claims(claims: Mapping[str, Any], *, said: str, now_s: float) -> None:
    """Show claims that hold.

    Args:
        claims: of a token that was verified or decrypted.
        said: what is known of them: ``verified``.
        now_s: epoch seconds.
    """
    console = _console()
    _print_title(console, (said, "bold green"))
    _print_members(console, "claims", claims, now_s=now_s)


def show_claims(claims: Mapping[str, Any], *, said: str, as_json: bool) -> None:
    """Write claims that hold: for people, times by the clock of now; or as one line of JSON."""
    if as_json:
        print_json(claims)
    else:
        print_claims(claims, said=said, now_s=time.time())


def print_json(value: object) -> None:
    """Write one line of JSON, all ASCII: nothing in it can move a cursor."""
    print(json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":")).replace("\x7f", "\\u007f"))


def print_octets(octets: bytes) -> None:
    """Write a payload as it is; on a terminal, as text that does no harm."""
    if sys.stdout.isatty():
        text = octets.decode("utf-8", "backslashreplace")
        print("\n".join(printable(line.replace("\t", "    ")) for line in text.split("\n")))
        return
    sys.stdout.flush()
    sys.stdout.buffer.write(octets)
    sys.stdout.buffer.flush()


def inspection_as_json(seen: UnverifiedToken) -> dict[str, Any]:
    """What ``inspect --json`` writes. It says once more that nothing was verified."""
    return {
        "verified": False,
        "kind": seen.kind,
        "form": seen.form,
        "token_bytes": seen.token_bytes,
        "headers": [{"where": header.where, "members": header.members} for header in seen.headers],
        "claims": seen.claims,
        "payload_base64url": None if seen.payload is None else b64url_encode(seen.payload),
        "footer_base64url": None if seen.footer is None else b64url_encode(seen.footer),
        "now": seen.now_s,
        "issued_at": seen.issued_at,
        "not_before": seen.not_before,
        "expires_at": seen.expires_at,
        "findings": [
            {"code": one.code, "severity": one.severity, "where": one.where, "message": one.message}
            for one in seen.findings
        ],
    }


def printable(text: str) -> str:
    """Replace what a terminal would obey, or show in another order, by escapes."""
    return text if text.isprintable() else "".join(c if c.isprintable() else _escaped(c) for c in text)


def since(at_s: float, now_s: float) -> str:
    """Say how far a time is away: ``in 10 minutes``, ``3 days ago``."""
    away_s = abs(at_s - now_s)
    if away_s < 1:
        return "now"
    size, unit = next((size, unit) for size, unit in _UNITS if away_s >= size)
    count = round(away_s / size)
    words = f"{count} {unit if count != 1 else unit[:-1]}"
    return f"in {words}" if at_s > now_s else f"{words} ago"


def _escaped(character: str) -> str:
    code = ord(character)
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _console() -> Console:
    if hasattr(sys.stdout, "reconfigure"):  # what the encoding of the output cannot say is escaped, and no crash
        sys.stdout.reconfigure(errors="backslashreplace")
    return Console(highlight=False)


def _print_rows(console: Console, rows: Sequence[tuple[Text, ...]]) -> None:
    """Print rows in columns: on a terminal wrapped within the last ones, elsewhere each on one line."""
    if console.is_terminal:
        table = Table.grid(padding=(0, 2, 0, 0))
        for _ in rows[0] if rows else ():
            table.add_column(overflow="fold", max_width=None if len(table.columns) == len(rows[0]) - 1 else 30)
        for row in rows:
            table.add_row(*row)
        console.print(Padding(table, (0, 0, 0, 2)))
        return
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]) - 1)] if rows else []
    for row in rows:
        cells = [cell.plain.ljust(width) for cell, width in zip(row, [*widths, 0], strict=True)]
        print(f"  {'  '.join(cells)}")


def _print_members(console: Console, title: str, members: Mapping[str, Any], *, now_s: float) -> None:
    _print_title(console, title)
    rows = []
    for name, value in members.items():
        text = Text(printable(json.dumps(value, ensure_ascii=False)), style=_style_of(value))
        when = _when(name, value, now_s)
        rows.append((Text(printable(name), style="cyan"), text.append(f"  {when}" if when else "", style="dim")))
    _print_rows(console, rows)


def _print_octets_of(console: Console, title: str, octets: bytes) -> None:
    """Print a part that is no JSON: as text, with escapes for what is none."""
    _print_title(console, title)
    _print_rows(console, [(Text(printable(octets.decode("utf-8", "backslashreplace"))),)])


def _print_title(console: Console, *parts: tuple[str, str] | str) -> None:
    text = Text.assemble(*(part if isinstance(part, tuple) else (part, "bold") for part in parts))
    if console.is_terminal:
        console.print(text)
    else:
        print(text.plain)


def _style_of(value: object) -> str:
    return "green" if isinstance(value, str) else "magenta" if isinstance(value, int | float) else ""


def _when(name: str, value: object, now_s: float) -> str:
    """Say a time in words; empty for what is none."""
    if name not in _DATES or isinstance(value, bool) or not isinstance(value, int | float):
        return ""
    if not 0 <= value < NUMERIC_DATE_MAX:
        return ""
    return f"{datetime.fromtimestamp(value, UTC):%Y-%m-%d %H:%M:%S} UTC, {since(value, now_s)}"


def _print_findings(console: Console, findings: Sequence[Finding]) -> None:
    _print_title(console, "findings")
    has_marks = console.is_terminal and (console.encoding or "").lower().startswith("utf")
    rows = [
        (
            Text(f"{_MARKS[one.severity]} {one.severity}" if has_marks else one.severity, style=_STYLES[one.severity]),
            Text(one.where, style="cyan"),
            Text(one.message),
        )
        for one in findings
    ]
    _print_rows(console, rows or [(Text("none", style="green"),)])
