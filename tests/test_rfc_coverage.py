"""The page on the RFCs, held against the tree: what it names is there, and what the code cites is on it."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent
PAGE = (REPOSITORY / "docs/rfc-coverage.md").read_text(encoding="utf-8")
RFCS = ["7515", "7516", "7517", "7518", "7519", "7638", "7797", "8037", "8725", "8812", "9278", "9864", "9964"]
NO_CODE = ("for the application", "not checked", "deviates")
"""How a row begins to say why no module keeps what it asks."""
SECTION = re.compile(r"(\d+|[A-Z])(\.\d+)*")


def rows() -> list[tuple[str, list[str]]]:
    """Each row with the RFC above it: section, requirement, module, tests and notes."""
    found: list[tuple[str, list[str]]] = []
    rfc = ""
    for line in PAGE.splitlines():
        if line.startswith("## "):
            match = re.match(r"## RFC (\d+)", line)
            rfc = match[1] if match else ""
        elif rfc and line.startswith("| ") and not line.startswith("| section"):
            found.append((rfc, [cell.strip() for cell in line.strip("|").split("|")]))
    return found


ROWS = rows()
FILES: dict[str, list[Path]] = {}
for file in sorted((REPOSITORY / "tests").rglob("test_*.py")):
    FILES.setdefault(file.stem.removeprefix("test_"), []).append(file)


@cache
def names_in(name: str) -> set[str]:
    (path,) = FILES[name]  # one file alone, or nobody could tell which is meant
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
    return {it.removeprefix("test_") for it in found if it.startswith("test_")}


def test_there_is_a_table_for_each_rfc() -> None:
    assert list(dict.fromkeys(rfc for rfc, _ in ROWS)) == RFCS
    assert len(ROWS) > 180


@pytest.mark.parametrize("rfc, cells", ROWS, ids=[f"{rfc} {cells[0]} {n}" for n, (rfc, cells) in enumerate(ROWS)])
def test_a_row_names_what_is_there(rfc: str, cells: list[str]) -> None:
    sections, requirement, module, tests = cells
    for section in re.split(r", | to ", sections):
        assert SECTION.fullmatch(section), section
    assert requirement
    named = re.findall(r"`([^`]+)::([^`]+)`", tests)
    for name, test in named:
        assert test in names_in(name), f"{name}::{test}"
    if module == "-":
        assert tests.startswith(NO_CODE)
        return
    modules = re.findall(r"`([^`]+)`", module)
    assert modules
    for name in modules:
        assert (REPOSITORY / "src/daypass" / f"{name}.py").is_file(), name
    assert named


def test_no_row_stands_twice() -> None:
    asked = [(rfc, *cells[:2]) for rfc, cells in ROWS]
    assert len(asked) == len(set(asked))


def test_every_rfc_that_the_code_cites_is_on_the_page() -> None:
    texts = [path.read_text(encoding="utf-8") for path in (REPOSITORY / "src/daypass/jose").rglob("*.py")]
    cited = {number for text in texts for number in re.findall(r"\bRFC (\d{4})\b", text)}
    assert cited <= set(re.findall(r"\b\d{4}\b", PAGE))
    assert set(RFCS) <= cited


def test_every_link_on_the_page_leads_to_a_heading() -> None:
    headings = re.findall(r"^## (.+)$", PAGE, flags=re.MULTILINE)
    anchors = {re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-") for heading in headings}
    links = re.findall(r"\]\(#([^)]+)\)", PAGE)
    assert set(links) == anchors
    assert len(links) == len(anchors)


def test_a_name_that_is_not_there_would_be_noticed() -> None:
    assert "no_such_test" not in names_in("jwk")
    assert "generate" in names_in("jwk")
    with pytest.raises(KeyError):
        names_in("no_such_file")
