"""The shared test vectors: where they lie, and one way to read them.

They are kept beside the repository, in `../shared/vectors`, or where DAYPASS_VECTORS says. Where there are
none, the test that asks is skipped with a line that says so; with CI=true tests/conftest.py makes it fail.
"""

import json
import os
from pathlib import Path
from typing import Any

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent


def directory() -> Path:
    """Find the directory of the vectors, or skip the test that wants it."""
    named = os.environ.get("DAYPASS_VECTORS")
    place = Path(named) if named else REPOSITORY.parent / "shared" / "vectors"
    if not place.is_dir():
        pytest.skip(f"no test vectors in {place}: set DAYPASS_VECTORS", allow_module_level=True)
    return place.resolve()


def load(name: str) -> Any:
    """Read one JSON file of the vectors, named by its path below the directory."""
    return json.loads((directory() / name).read_text(encoding="utf-8"))
