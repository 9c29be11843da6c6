"""How a command ends, for scripts: one exit code for each kind of reason. Enters: errors. Leaves: a code and a line.

::

    0  done
    1  the token was refused; with --strict, an inspection found an error; or another reason of a command that is no
       token command
    2  the command was not written as it should be (typer says so)
    3  a key, a secret or an option could not be used
    4  a file, or the standard input, could not be read or written, or holds nothing that can be signed
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from daypass.errors import ConfigurationError, KeyFormatError, StoreUnavailable, TokenError, WeakKey

__all__ = ["FAILED", "FILE", "REFUSED", "SET_UP", "Stopped", "exit_codes", "in_options", "reason_of"]

REFUSED: Final = 1
FAILED: Final = 1
SET_UP: Final = 3
FILE: Final = 4


class Stopped(Exception):
    """A command ends here.

    Args:
        code: the exit code.
        reason: one line for people, free of tokens and keys; empty where all was said.
    """

    def __init__(self, code: int, reason: str = "") -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


@contextmanager
def exit_codes() -> Iterator[None]:
    """Turn what a token command may run into into the exit code that says so."""
    try:
        yield
    except TokenError as error:
        stopped = Stopped(REFUSED, in_options(str(error)))
    except (KeyFormatError, WeakKey, ConfigurationError) as error:
        stopped = Stopped(SET_UP, in_options(str(error)))
    except RecursionError:
        stopped = Stopped(REFUSED, "the token is nested too deeply to be shown")
    except StoreUnavailable as error:
        stopped = Stopped(FILE, str(error))
    except OSError as error:
        stopped = Stopped(FILE, reason_of(error))
    else:
        return
    raise stopped


_OPTIONS: Final = (
    (re.compile(r"pass algs=\(.*?\) or load it with JWK\.from_dict\(jwk, alg=.*?\)"), "say --alg"),
    (re.compile(r"\ballow_rsa1_5(=True)?"), "--allow-rsa1-5"),
    (re.compile(r"\ballow_unknown_sender(=True)?"), "--allow-unknown-sender"),
    (re.compile(r"\ballow_(zip|pbes2)(=True)?"), r"--allow-\1"),
    (re.compile(r"\(jwt\.decrypt_then_verify\)"), "(--verify-key)"),
    (re.compile(r"ClaimsPolicy\(typ=\.\.\.\)"), "--typ"),
    (re.compile(r"(?:the )?parameter (issuer|audience|subject)"), r"--\1"),
    (re.compile(r"\bleeway_s\b"), "--leeway"),
    (re.compile(r"required must be a tuple of claim names: .*"), "--required must be the name of a claim"),
    (re.compile(r"(?:: use )?to_dict\(private=True\)"), ": leave out --pem"),
    (re.compile(r"pass private=True with it"), "the variable is empty"),
    (re.compile(r"\bSeal with v4, or say allow_raw_rsa=True"), "Seal with v4, or open it in Python"),
    (re.compile(r"\ballow_legacy(=True)?"), "--allow-legacy"),
    (re.compile(r"pass password=, bytes"), "name its variable with --password-env"),
    (re.compile(r"pass wrapping_key=, a LocalKey"), "name with --unwrap-with the file of a local key"),
    (re.compile(r"pass unsealing_key=, a SecretKey"), "name with --unwrap-with the file of a secret key"),
    (re.compile(r"pass no password for it"), "leave out --password-env"),
    (re.compile(r"pass no \w+ing_key for it"), "leave out --unwrap-with"),
)
"""The words of Python in messages, and those of the command line for the same things."""


def in_options(message: str) -> str:
    """Say a message for developers in the words of the command line."""
    for pattern, option in _OPTIONS:
        message = pattern.sub(option, message)
    return message


def reason_of(error: OSError) -> str:
    """What the system refused, and where."""
    place = f" ({error.filename})" if error.filename else ""
    return f"{error.strerror or type(error).__name__}{place}"
