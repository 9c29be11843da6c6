"""Where a run keeps its files, all of them ignored by git. Leaves: paths."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterable
from pathlib import Path

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parent
CORPUS = HERE / "corpus"
FINDINGS = HERE / "findings"


def corpus_of(target: str) -> Path:
    """The inputs of a target that reached something new; they stay from run to run."""
    return CORPUS / target


def write_seeds(target: str, seeds: Iterable[bytes]) -> Path:
    """Write seeds as files, each under its own hash, in place of those of the last run."""
    directory = CORPUS / f"{target}.seeds"
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    for seed in seeds:
        (directory / hashlib.sha256(seed).hexdigest()[:16]).write_bytes(seed)
    return directory
