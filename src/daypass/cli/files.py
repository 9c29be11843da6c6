"""Files that commands read and write. Enters: a place, - for the standard input. Leaves: bytes, bounded.

What holds a private key is written with mode 0600, under a name that nobody has, and is there whole or not at all.
No message repeats the name of a file that does not exist: it may be a token or a secret that was mistaken for one.
"""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Final

import typer

from daypass.cli.exit_codes import FILE, SET_UP, Stopped
from daypass.limits import KEY_SET_BYTES_MAX, TOKEN_BYTES_MAX

__all__ = ["Input", "read_input", "read_key_file", "read_token", "write_all_new"]

Input = Annotated[str, typer.Argument(metavar="FILE", help="A file, or - for the standard input.", show_default=False)]

_STDIN: Final = "-"
_PRIVATE: Final = 0o600
_PUBLIC: Final = 0o644
_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC


def read_token(place: str) -> str:
    """Read a token. White space around it belongs to the file, not to the token."""
    raw = read_input(place, what="token", bytes_max=TOKEN_BYTES_MAX + 1024)
    return raw.decode("utf-8", "surrogateescape").strip(" \t\r\n")  # what is no UTF-8 is refused as no token


def read_input(place: str, *, what: str, bytes_max: int) -> bytes:
    """Read a file or the standard input, one byte more than the bound at most: what is longer is refused as such.

    Raises:
        Stopped: it cannot be read.
    """
    if place == _STDIN:
        stdin: object = sys.stdin
        if stdin is None:
            raise Stopped(FILE, f"there is no standard input: give the {what} in a file")
        if sys.stdin.isatty():
            print(f"daypass: paste the {what}, then press Enter and Ctrl-D", file=sys.stderr)
        return sys.stdin.buffer.read(bytes_max + 1)
    try:
        with Path(place).open("rb") as file:
            return file.read(bytes_max + 1)
    except FileNotFoundError:
        reason = f"there is no such file: give the {what} in a file or on the standard input, never as a word"
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "the input cannot be read"
    raise Stopped(FILE, reason)


def read_key_file(path: Path) -> bytes:
    """Read a file that holds a key.

    Raises:
        Stopped: it cannot be read, or is longer than any key.
    """
    try:
        with path.open("rb") as file:
            data = file.read(KEY_SET_BYTES_MAX + 1)
    except FileNotFoundError:
        reason = "there is no such file of a key: a key is given by the name of its file, never as a word"
    except (OSError, ValueError) as error:
        reason = f"the file of the key cannot be read: {getattr(error, 'strerror', None) or 'no file'}"
    else:
        if len(data) <= KEY_SET_BYTES_MAX:
            return data
        reason = f"the file of the key is longer than {KEY_SET_BYTES_MAX} bytes"
    raise Stopped(SET_UP, reason)


def write_all_new(files: Sequence[tuple[Path, bytes, bool]], *, force: bool) -> None:
    """Write new files, all of them or none.

    Everything is on the disk, under other names, before the first file gets its own. A private key comes last: should
    the system refuse even then, the file that was replaced already holds what a private key can say again.

    Args:
        files: of each its path, what it holds, and whether that is private: then with mode 0600, whatever the umask
            says; otherwise 0644 less the umask. Its folder exists.
        force: replace files that are there; a symbolic link is replaced, not followed.

    Raises:
        Stopped: a name is taken, or stands twice.
        OSError: the system refused.
    """
    if len({path.parent.resolve() / path.name for path, _, _ in files}) < len(files):
        raise Stopped(SET_UP, "one file cannot hold both the private key and the public one")
    left_over: list[Path] = []
    try:
        for path, _, private in () if force else files:
            _reserve(path, private=private)
            left_over.append(path)
        fresh = []
        for path, data, private in sorted(files, key=lambda file: file[2]):
            beside = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
            left_over.append(beside)
            _write(beside, data, private=private)
            fresh.append((beside, path))
        for beside, path in fresh:
            beside.replace(path)
    except (Stopped, OSError):
        for path in left_over:
            with suppress(OSError):
                path.unlink()
        raise


def _reserve(path: Path, *, private: bool) -> None:
    """Take a name that nobody has, also against another process. Raises Stopped: it is taken; OSError."""
    try:
        os.close(os.open(path, _NEW, _PRIVATE if private else _PUBLIC))
        return
    except FileExistsError:
        pass
    raise Stopped(FILE, f"{path} exists, and a key is not overwritten: name another file, or say --force")


def _write(path: Path, data: bytes, *, private: bool) -> None:
    """Write a new file, to the disk. Raises OSError."""
    descriptor = os.open(path, _NEW, _PRIVATE if private else _PUBLIC)
    with os.fdopen(descriptor, "wb") as file:
        if private:
            os.fchmod(descriptor, _PRIVATE)
        file.write(data)
        file.flush()
        os.fsync(descriptor)
