"""What a caller hands in, checked and in one form: subject, scopes, roles, data, device.

Enters: values of the calling code, the device label perhaps from a stranger. Leaves: what fits a row and a
token. Source: RFC 6749 3.3 (scope tokens).
"""

from __future__ import annotations

import copy
import re
from collections.abc import Collection, Mapping
from typing import Any, Final

from daypass.encoding import is_json, refuse_json
from daypass.limits import DEVICE_CHARACTERS_MAX, SUBJECT_BYTES_MAX
from daypass.sessions.values import Grants

__all__ = ["checked_answer", "checked_data", "checked_grants", "checked_subject", "device_label"]

_SCOPE: Final = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")


def checked_subject(subject: str) -> str:
    """Check a subject.

    Raises:
        TypeError: not a str.
        ValueError: empty, longer than SUBJECT_BYTES_MAX bytes, or with characters that do not print.
    """
    if not isinstance(subject, str):
        raise TypeError(f"a subject is a str, not {type(subject).__name__}: convert it first")
    if not subject or not subject.isprintable() or len(subject.encode()) > SUBJECT_BYTES_MAX:
        raise ValueError(f"a subject is 1 to {SUBJECT_BYTES_MAX} bytes of printable text")
    return subject


def checked_grants(scopes: Collection[str], roles: Collection[str]) -> Grants:
    """Check scopes and roles; the order stays, a repetition goes.

    Raises:
        TypeError: a str where a collection of them is meant, or an element that is no str.
        ValueError: a scope with a character that RFC 6749 does not allow, or an empty role.
    """
    for words in (scopes, roles):
        if isinstance(words, str) or not isinstance(words, Collection):
            raise TypeError("scopes and roles are collections of str: write ('read',), not 'read'")
        if not all(isinstance(word, str) for word in words):
            raise TypeError("each scope and each role is a str")
    if not all(map(_SCOPE.fullmatch, scopes)):
        raise ValueError('a scope is printable ASCII without space, " and \\; pass each one by itself')
    if not all(role and role.isprintable() for role in roles):
        raise ValueError("a role is a text of printable characters")
    return Grants(tuple(dict.fromkeys(scopes)), tuple(dict.fromkeys(roles)))


def checked_answer(answer: object) -> Grants | None:
    """Check what ``authorize`` answered.

    Raises:
        TypeError: neither Grants nor None (of a coroutine, say), or see ``checked_grants``.
        ValueError: see ``checked_grants``.
    """
    if answer is None:
        return None
    if not isinstance(answer, Grants):
        raise TypeError(f"authorize answers with Grants or None, not with {type(answer).__name__}")
    return checked_grants(answer.scopes, answer.roles)


def checked_data(data: Mapping[str, Any] | None) -> dict[str, Any]:
    """Check the bag that travels in each access token, and copy it: the caller goes on using theirs.

    Raises:
        TypeError: not a mapping, or something in it that JSON cannot say exactly.
    """
    if data is None:
        return {}
    if not isinstance(data, Mapping):
        raise TypeError(f"data is a mapping of names to JSON values, not {type(data).__name__}")
    bag = dict(data)
    if not is_json(bag):
        refuse_json(bag)
    return copy.deepcopy(bag)


def device_label(device: str | None) -> str | None:
    """Make a label that is safe to show: what does not print is dropped, the rest is cut.

    Raises:
        TypeError: not a str.
    """
    if device is None:
        return None
    if not isinstance(device, str):
        raise TypeError(f"a device is a label for people, a str, not {type(device).__name__}")
    printable = "".join(filter(str.isprintable, device[: 4 * DEVICE_CHARACTERS_MAX]))
    return printable[:DEVICE_CHARACTERS_MAX] or None
