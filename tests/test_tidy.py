"""Style as a test: each rule is a function from a file to findings, and each is shown to find something."""

import ast
import re
import subprocess
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent

FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 70
LINE_CHARACTERS_MAX = 120
PARAMETERS_MAX = 6

NAMES_THAT_SAY_NOTHING = {"base", "common", "helper", "helpers", "misc", "util", "utils"}
ROOMS_WITH_SOURCES = re.compile(
    r"src/daypass/(\w*claims|encoding|rsa_rules|concealed|prepared|(jose|paseto|tokens|sessions)/.*(?<!__init__))\.py$"
)
FUNCTIONS_WITH_SOURCES = re.compile(r"src/daypass/(\w*claims|rsa_rules|prepared|(jose|paseto)/\w+)\.py$")
MAY_PRINT = ("src/daypass/cli/", "src/daypass/server/")
SOURCE_LINE = re.compile(r"\bSource: \S")

# Spelled in two halves, so that this file does not contain what it looks for.
LEFTOVERS = re.compile(r"\b(" + "|".join(("TO" + "DO", "FIX" + "ME", "X" + "XX")) + r")\b")
REGISTRIES = re.compile("|".join(("pypi" + r"\.org", "python" + r"hosted\.org", "npm" + r"js\.(org|com)")))
MACHINE_PATHS = re.compile("|".join((r"(?<![\w.~])/home" + r"/\w", r"(?<![\w.])/root" + "/", "/Users" + r"/\w")))
THIS_CHECKOUT = re.compile(rf"(?<![\w.~/-]){re.escape(str(REPOSITORY))}/")

Function = ast.FunctionDef | ast.AsyncFunctionDef
Rule = Callable[[str, str], Iterator[str]]


def functions(tree: ast.AST) -> Iterator[Function]:
    """Walk over all functions and methods, nested ones too."""
    return (node for node in ast.walk(tree) if isinstance(node, Function))


def public_functions(tree: ast.Module) -> Iterator[Function]:
    """Walk over the functions and methods that a caller can name; a property states a fact."""
    for node in tree.body:
        members = node.body if isinstance(node, ast.ClassDef) and not node.name.startswith("_") else [node]
        for member in members:
            if isinstance(member, Function) and not member.name.startswith("_"):
                decorators = {ast.unparse(decorator).partition("(")[0] for decorator in member.decorator_list}
                if decorators.isdisjoint({"property", "overload", "cached_property"}):
                    yield member


def too_long_file(path: str, text: str) -> Iterator[str]:
    lines = text.count("\n")
    if lines > FILE_LINES_MAX:
        yield f"{path}: {lines} lines, at most {FILE_LINES_MAX}: split it where its nouns part"


def too_long_function(path: str, text: str) -> Iterator[str]:
    for function in functions(ast.parse(text, path)):
        lines = (function.end_lineno or 0) - function.lineno + 1
        if lines > FUNCTION_LINES_MAX:
            yield f"{path}:{function.lineno}: {function.name} has {lines} lines, at most {FUNCTION_LINES_MAX}"


def too_long_line(path: str, text: str) -> Iterator[str]:
    for number, line in enumerate(text.splitlines(), 1):
        if len(line) > LINE_CHARACTERS_MAX:
            yield f"{path}:{number}: {len(line)} characters, at most {LINE_CHARACTERS_MAX}"


def any_keyword(path: str, text: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(text, path)):
        if isinstance(node, ast.arguments) and node.kwarg is not None:
            yield f"{path}:{node.kwarg.lineno}: **{node.kwarg.arg} accepts misspelled words: name each one"


def too_many_parameters(path: str, text: str) -> Iterator[str]:
    for function in functions(ast.parse(text, path)):
        names = [argument.arg for argument in (*function.args.posonlyargs, *function.args.args)]
        count = len(names) - (names[:1] in (["self"], ["cls"]))
        if count > PARAMETERS_MAX:
            yield (
                f"{path}:{function.lineno}: {function.name} has {count} parameters that are not "
                f"keyword-only, at most {PARAMETERS_MAX}: what can be swapped by mistake is keyword-only"
            )


def no_module_docstring(path: str, text: str) -> Iterator[str]:
    if not ast.get_docstring(ast.parse(text, path)):
        yield f"{path}: no docstring: say which room this is, what may enter and what leaves"


def no_source_of_module(path: str, text: str) -> Iterator[str]:
    docstring = ast.get_docstring(ast.parse(text, path)) or ""
    if ROOMS_WITH_SOURCES.search(path) and not SOURCE_LINE.search(docstring):
        yield f"{path}: no `Source:` line: name the RFC and section, or the part of the design"


def no_source_of_function(path: str, text: str) -> Iterator[str]:
    if FUNCTIONS_WITH_SOURCES.search(path):
        for function in public_functions(ast.parse(text, path)):
            if not SOURCE_LINE.search(ast.get_docstring(function) or ""):
                yield f"{path}:{function.lineno}: {function.name} has no `Source:` line: name the RFC"


def import_of_the_root(path: str, text: str) -> Iterator[str]:
    rooms = {place.stem for place in (REPOSITORY / "src/daypass").iterdir()}
    if path == "src/daypass/__init__.py":
        return
    for node in ast.walk(ast.parse(text, path)):
        if isinstance(node, ast.Import) and any(alias.name == "daypass" for alias in node.names):
            yield f"{path}:{node.lineno}: imports the package root: import the room"
        if isinstance(node, ast.ImportFrom) and node.module == "daypass":
            for alias in node.names:
                if alias.name not in rooms - {"__init__"}:
                    yield f"{path}:{node.lineno}: {alias.name} comes from the package root: import its room"


def relative_import(path: str, text: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(text, path)):
        if isinstance(node, ast.ImportFrom) and node.level:
            yield f"{path}:{node.lineno}: a relative import: write the whole name, so that a search finds it"


def print_call(path: str, text: str) -> Iterator[str]:
    if path.startswith(MAY_PRINT):
        return
    for node in ast.walk(ast.parse(text, path)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print":
            yield f"{path}:{node.lineno}: only the command line and the service print: return it or log it"


def logging_configuration(path: str, text: str) -> Iterator[str]:
    if path.startswith(MAY_PRINT):
        return
    for number, line in enumerate(text.splitlines(), 1):
        if re.search(r"\blogging\.config\b|\bbasicConfig\(", line):
            yield f"{path}:{number}: a library configures no logging: that is for the program that uses it"


def name_that_says_nothing(path: str, _text: str) -> Iterator[str]:
    if Path(path).stem.strip("_") in NAMES_THAT_SAY_NOTHING:
        yield f"{path}: the name says nothing: name it after the one thing in it"


def leftover(path: str, text: str) -> Iterator[str]:
    for number, line in enumerate(text.splitlines(), 1):
        if found := LEFTOVERS.search(line):
            yield f"{path}:{number}: a {found[0]} is left over: do it, or open an issue"


def registry_address(path: str, text: str) -> Iterator[str]:
    for number, line in enumerate(text.splitlines(), 1):
        if REGISTRIES.search(line) or (path.startswith("requirements/") and "://" in line):
            yield f"{path}:{number}: a download address: where packages come from is for each machine to say"


def machine_path(path: str, text: str) -> Iterator[str]:
    for number, line in enumerate(text.splitlines(), 1):
        if MACHINE_PATHS.search(line) or THIS_CHECKOUT.search(line):
            yield f"{path}:{number}: a path of one machine"


def files(*patterns: str) -> Iterator[tuple[str, str]]:
    """Read the files that git knows or would add, or, without git, all that match."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *patterns]
    listing = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    names = listing.stdout.split("\0") if listing.returncode == 0 else found_without_git(*patterns)
    for name in sorted(filter(None, names)):
        path = REPOSITORY / name
        content = path.read_bytes() if path.is_file() else b"\0"
        if b"\0" not in content:  # a deleted or binary file
            yield name, content.decode("utf-8")


def found_without_git(*patterns: str) -> list[str]:
    """Name the files of an unpacked archive: source and tests, whatever the patterns."""
    suffix = ".py" if patterns else ""
    places = [place for top in ("src", "tests") for place in (REPOSITORY / top).rglob(f"*{suffix}")]
    names = [place.relative_to(REPOSITORY).as_posix() for place in places if "__pycache__" not in place.parts]
    wanted = tuple(pattern.partition("*")[0] for pattern in patterns) or ("",)
    return [name for name in names if name.startswith(wanted)]


SOURCE = ("src/*.py",)
OURS = ("src/*.py", "scripts/*.py", "benchmarks/*.py", "fuzz/*.py")
ALL_PYTHON = (*OURS, "tests/*.py")
EVERYTHING: tuple[str, ...] = ()

# rule, which files, and (path, text) that must be found out
RULES: list[tuple[Rule, tuple[str, ...], str, str]] = [
    (too_long_file, OURS, "src/daypass/a.py", "pass\n" * 401),
    (too_long_function, OURS, "src/daypass/a.py", "def f():\n" + "    pass\n" * 70),
    (too_long_line, ALL_PYTHON, "src/daypass/a.py", "#" * 121),
    (any_keyword, SOURCE, "src/daypass/a.py", "def f(**kwargs): ..."),
    (any_keyword, SOURCE, "src/daypass/a.py", "f = lambda **words: words"),
    (too_many_parameters, OURS, "src/daypass/a.py", "def f(a, b, c, /, d, e, f, g): ..."),
    (too_many_parameters, OURS, "src/daypass/a.py", "class C:\n def f(self, a, b, c, d, e, f, g): ..."),
    (no_module_docstring, OURS, "src/daypass/a.py", "import sys"),
    (no_source_of_module, SOURCE, "src/daypass/jose/jwa/signature.py", '"""Algorithms."""'),
    (no_source_of_module, SOURCE, "src/daypass/claims.py", "import sys"),
    (no_source_of_function, SOURCE, "src/daypass/jose/jws.py", 'def f():\n "Verify."'),
    (no_source_of_function, SOURCE, "src/daypass/jose/jwk.py", "class C:\n def f(self): ..."),
    (import_of_the_root, SOURCE, "src/daypass/a.py", "import daypass"),
    (import_of_the_root, SOURCE, "src/daypass/a.py", "def f():\n from daypass import Issuer"),
    (relative_import, SOURCE, "src/daypass/a.py", "from .errors import DaypassError"),
    (print_call, SOURCE, "src/daypass/a.py", "print(1)"),
    (logging_configuration, SOURCE, "src/daypass/a.py", "import logging.config"),
    (name_that_says_nothing, ALL_PYTHON, "src/daypass/_utils.py", ""),
    (leftover, EVERYTHING, "src/daypass/a.py", "# TO" + "DO: later"),
    (registry_address, EVERYTHING, "README.md", "from https://pypi" + ".org/simple"),
    (registry_address, EVERYTHING, "requirements/core.txt", "--index-url https" + "://mirror.example/simple"),
    (machine_path, EVERYTHING, "README.md", "cd /home" + "/someone/daypass"),
    (machine_path, EVERYTHING, "README.md", f"cd {REPOSITORY}/src"),
]
GOOD = '"""A room. Source: RFC 7515."""\n\ndef f(a, *, b):\n    """Do. Source: RFC 7515 5.1."""\n    return a\n'


def rule_names() -> list[Rule]:
    """List each rule once, in the order of the table."""
    return list(dict.fromkeys(rule for rule, *_ in RULES))


@pytest.mark.parametrize("rule", rule_names(), ids=lambda rule: rule.__name__)
def test_the_code_keeps(rule: Rule) -> None:
    patterns = next(where for one, where, *_ in RULES if one is rule)
    findings = [finding for path, text in files(*patterns) for finding in rule(path, text)]
    assert not findings, "\n" + "\n".join(findings)


@pytest.mark.parametrize(
    "rule, path, text",
    [(rule, path, text) for rule, _, path, text in RULES],
    ids=lambda it: getattr(it, "__name__", ""),
)
def test_the_rule_can_fail(rule: Rule, path: str, text: str) -> None:
    assert len(list(rule(path, text))) == 1


@pytest.mark.parametrize("rule", rule_names(), ids=lambda rule: rule.__name__)
def test_the_rule_lets_good_code_pass(rule: Rule) -> None:
    assert list(rule("src/daypass/jose/jws.py", GOOD)) == []


def test_the_rules_see_the_code() -> None:
    seen = {path for path, _ in files(*ALL_PYTHON)}
    assert {"src/daypass/errors.py", "tests/test_tidy.py", "scripts/install.py"} <= seen


def pins(name: str) -> dict[str, str]:
    """Read one pinned list: the name of each package, in its normal form, and its version."""
    text = (REPOSITORY / f"requirements/{name}.txt").read_text(encoding="utf-8")
    return dict(re.findall(r"^([a-z0-9][a-z0-9.-]*)==(\S+)", text, flags=re.MULTILINE))


def test_the_pins_cover_what_the_project_asks_for() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]

    def names(wanted: list[str]) -> set[str]:
        return {re.split(r"[<>=!\[; ]", line, maxsplit=1)[0].lower() for line in wanted}

    assert names(project["dependencies"]) <= set(pins("core"))
    assert names([*project["dependencies"], *extras["server"], *extras["cli"]]) <= set(pins("serve"))
    assert names(sum(extras.values(), project["dependencies"])) <= set(pins("test"))


def test_the_pinned_lists_agree() -> None:
    assert pins("core").items() <= pins("serve").items() <= pins("test").items()
    assert pins("core").items() <= pins("fuzz").items()
    assert pins("fuzz").items() - pins("test").items() == {("atheris", pins("fuzz")["atheris"])}


@pytest.mark.parametrize("name", ["core", "serve", "test", "tools", "fuzz"])
def test_every_pin_has_hashes(name: str) -> None:
    text = (REPOSITORY / f"requirements/{name}.txt").read_text(encoding="utf-8")
    entries = re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE)[1:]
    assert len(entries) == len(pins(name))
    assert all("--hash=sha256:" in entry for entry in entries)
