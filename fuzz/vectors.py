"""Seeds from the shared test vectors: every token, serialization and key in them.

They lie in ../shared/vectors, or where DAYPASS_VECTORS says; where there are none, fresh tokens are all.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parent.parent
FOLDERS = ("rfc7520-cookbook", "jose-ml-dsa", "rfc-examples.json")


def directory() -> Path | None:
    """The directory of the vectors; None where there is none."""
    named = os.environ.get("DAYPASS_VECTORS")
    place = Path(named) if named else REPOSITORY.parent / "shared" / "vectors"
    return place if place.is_dir() else None


@cache
def values() -> tuple[Any, ...]:
    """Every value in the JSON files about JOSE, at any depth."""
    place = directory()
    if place is None:
        return ()
    files = [
        file
        for name in FOLDERS
        for file in ([place / name] if name.endswith(".json") else (place / name).rglob("*.json"))
    ]
    return tuple(value for file in sorted(files) for value in _walk(json.loads(file.read_text(encoding="utf-8"))))


def _walk(value: Any) -> Iterator[Any]:  # noqa: ANN401 - any JSON
    yield value
    for child in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _walk(child)


def compact(dots: int) -> list[bytes]:
    """Tokens with so many dots."""
    texts = (value for value in values() if isinstance(value, str))
    return sorted(
        {text.encode() for text in texts if text.count(".") == dots and text.startswith("eyJ") and " " not in text}
    )


def objects(*names: str) -> list[bytes]:
    """Objects that have all of these members, as JSON."""
    found = (value for value in values() if isinstance(value, dict) and value.keys() >= set(names))
    return sorted({json.dumps(value, separators=(",", ":")).encode() for value in found})


@cache
def texts(folder: str, *beginnings: str) -> tuple[bytes, ...]:
    """Texts of a folder, at any depth of its JSON, that begin so and hold dots alone between their words."""
    place = directory()
    files = sorted((place / folder).glob("*.json")) if place else []
    found = (value for file in files for value in _walk(json.loads(file.read_text(encoding="utf-8"))))
    return tuple(sorted({text.encode() for text in found if isinstance(text, str) and _is_text(text, beginnings)}))


def _is_text(text: str, beginnings: tuple[str, ...]) -> bool:
    return text.startswith(beginnings) and text.count(".") > 1 and not set(text) & {" ", "\n", "{"}
