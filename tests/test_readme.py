"""The documentation, executed: each block is run as it stands, and what it shows is compared with what comes out.

A ``bash``, ``python`` or ``javascript`` block is run; a ``text``, ``json`` or ``http`` block right below it shows its
output. A block without a language is a drawing. What differs from run to run (tokens, ids, times) is compared by
shape, all else literally; a line ``...`` stands for any lines. In two ways a document differs from its test: the
port 8000 is another one, and the password that the document shows is the one that the service really made.

JavaScript is run by node, against the real service: a parser would not see that two calls refresh twice. Without
node, as without curl, the test is skipped and says so; with CI=true tests/conftest.py makes that a failure.
"""

import json
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
from typer.main import get_command

from daypass import errors
from daypass.cli.application import application
from daypass.cli.places import STORE_VARIABLE
from daypass.keyring.master_key import MASTER_KEY_VARIABLE
from daypass.server.settings import KEYS_VARIABLE, Settings
from daypass.sessions.policy import SessionPolicy
from daypass.web.problem import refusal_of
from tests.server.running import ENVIRONMENT, Running

REPOSITORY = Path(__file__).resolve().parent.parent
# docs/benchmarks.md is the output of `make bench`: nothing in it is run here, but its links are followed
DOCUMENTS = [REPOSITORY / "README.md", *sorted(REPOSITORY.glob("docs/*.md"))]
OTHERS = [REPOSITORY / name for name in ("CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")]
WAIT_S = 30
EXECUTED = {"bash", "python", "javascript"}
SHOWN = {"text", "json", "http"}

SHAPES = [
    (r"\beyJ[\w.-]{20,}", "<access token>"),
    (r"\bdpr1\.[\w.-]{20,}", "<refresh token>"),
    (r"\bv[1-4]\.(local|public)\.[\w.-]{20,}", r"<v \1 token>"),
    (r"\b(k[1-4]\.[a-z.-]+)\.[\w-]{20,}", r"<\1>"),
    (r"(?<![\w-])[\w-]{42}[AEIMQUYcgkosw048](?![\w-])", "<kid>"),
    (r"(?<![\w-])[\w-]{21}[AQgw](?![\w-])", "<id>"),
    (r"(?m)^([A-Z]\S+ +)[\w-]{8}(?= +[·█])", r"\1<beginning of a kid>"),  # on the timeline of `daypass keys list`
    (r"\b[0-9a-f]{32}\b", "<jti>"),
    (r"\b1[0-9]{9}\b", "<epoch seconds>"),
    (r"\b20\d\d-\d\d-\d\d \d\d:\d\d(:\d\d)?\b", "<time>"),
    (r"\b\w{3}, \d\d \w{3} 20\d\d \d\d:\d\d:\d\d GMT", "<date>"),
    (r"(?<=content-length: )\d+", "<length>"),
    (r"\bcurl/[\d.]+", "<curl>"),
    (r"(?<=password: )\w{24}\b|(?<=password=)\w{24}\b", "<password>"),
    (r"=+ \d+ passed.* in .* =+", "<all passed>"),
    (r"([·█░])\1+", r"\1"),  # on that timeline, how much may have happened in one second
    (r" {2,}", "  "),  # a table is as wide as its widest cell
]


class Block(NamedTuple):
    """A fenced block of a document, and what the block below it shows."""

    path: Path
    line: int
    language: str
    text: str
    shown: str | None

    @property
    def is_make(self) -> bool:
        return self.language == "bash" and all(line.startswith("make ") for line in self.text.splitlines())

    def __str__(self) -> str:
        return f"{self.path.relative_to(REPOSITORY)}:{self.line}"


def blocks_of(path: Path) -> list[Block]:
    """Read the fenced blocks of a document; one that only shows an output is part of the one above it."""
    found: list[Block] = []
    lines = iter(enumerate(path.read_text(encoding="utf-8").splitlines(), 1))
    is_right_below = False
    for number, line in lines:
        if not line.startswith("```"):
            is_right_below = is_right_below and not line.strip()
            continue
        language = line.removeprefix("```")
        text = "".join(f"{inner}\n" for inner in iter(lambda: next(lines)[1], "```"))
        if language in SHOWN and is_right_below:
            found[-1] = found[-1]._replace(shown=text)
        else:
            found.append(Block(path, number, language, text, None))
        is_right_below = language in EXECUTED
    return found


def shape_of(text: str) -> str:
    """Replace what differs from run to run by its name."""
    for pattern, name in SHAPES:
        text = re.sub(pattern, name, text)
    return "\n".join(line.rstrip() for line in text.strip().splitlines())


def assert_shown(block: Block, output: str) -> None:
    """Compare what a block shows with what came out."""
    wanted, came = shape_of(block.shown or ""), shape_of(output)
    pattern = r"(?:.*\n)*".join(map(re.escape, re.split(r"^\.\.\.\n", f"{wanted}\n", flags=re.MULTILINE)))
    if not re.fullmatch(pattern, f"{came}\n"):
        assert came == wanted, f"{block} shows something else"


BLOCKS = [block for path in DOCUMENTS if path.name != "benchmarks.md" for block in blocks_of(path)]
MAKE_BLOCKS = [block for path in [*DOCUMENTS, *OTHERS] for block in blocks_of(path) if block.is_make]


class Story:
    """A document from its top: one folder, one service in it, one shell in which variables stay."""

    def __init__(self, path: Path) -> None:
        told = [block for block in BLOCKS if block.path == path]
        self.blocks = [block for block in told if block.language == "bash" and not block.is_make]
        self.outputs: list[str] = []
        self.folder = Path(tempfile.mkdtemp(prefix="daypass-story-"))
        (self.folder / ".venv").symlink_to(sys.prefix)
        self.service = Running(self.folder / "daypass-data")
        shown = re.search(r"^PASSWORD=(\w{24})$", "".join(block.text for block in told), re.MULTILINE)
        self.stand_ins = [("127.0.0.1:8000", self.service.url.removeprefix("http://"))]
        self.stand_ins += [(shown[1], self.service.password)] if shown else []
        self.shell = subprocess.Popen(
            [shutil.which("bash") or "sh"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=self.folder,
            env=ENVIRONMENT,
        )

    def output_of(self, block: Block) -> str:
        """Run the story up to and with a block, unless that was done, and return what the block printed."""
        place = self.blocks.index(block)
        while len(self.outputs) <= place:
            self.outputs.append(self._run(self.blocks[len(self.outputs)]))
        return self.outputs[place]

    def _run(self, block: Block) -> str:
        assert self.shell.stdin is not None
        assert self.shell.stdout is not None
        text = block.text
        for shown, real in self.stand_ins:
            text = text.replace(shown, real)
        watch = threading.Timer(WAIT_S, self.shell.kill)
        watch.start()
        print(f"{{\n{text}}} </dev/null\necho '--- end of block' $?", file=self.shell.stdin, flush=True)
        output = ""
        for line in self.shell.stdout:
            before, end, code = line.partition("--- end of block ")
            output += before
            if end:
                break
        watch.cancel()
        for shown, real in self.stand_ins:
            output = output.replace(real, shown)
        assert end, f"{block} was not over after {WAIT_S} s:\n{output}"
        assert code == "0\n", f"{block} ended with exit code {code}{output}"
        return output

    def close(self) -> None:
        self.shell.communicate()
        code, complaints = self.service.stop(), self.service.errors
        self.service.__exit__()
        shutil.rmtree(self.folder)
        assert (code, complaints) == (0, "")


@pytest.fixture(scope="module")
def story() -> Iterator[Any]:
    """Tell the story of a document, each only once."""
    told: dict[Path, Story] = {}

    def tell(path: Path) -> Story:
        if path not in told:
            told[path] = Story(path)
        return told[path]

    yield tell
    for one in told.values():
        one.close()


def blocks_in(language: str) -> Any:
    """Make a test run once for each block of a language."""
    chosen = [block for block in BLOCKS if block.language == language and not block.is_make]
    return pytest.mark.parametrize("block", chosen, ids=str)


def test_every_block_is_run_or_shows_what_one_that_is_run_prints() -> None:
    assert {block.language for block in BLOCKS} <= EXECUTED | {""}
    assert {"bash", "python", "javascript"} <= {block.language for block in BLOCKS}


@blocks_in("bash")
def test_a_shell_block_prints_what_it_shows(block: Block, story: Any) -> None:
    if shutil.which("curl") is None:
        pytest.skip("there is no curl on this machine")
    assert_shown(block, story(block.path).output_of(block))


def run_python(*words: str, cwd: Path) -> str:
    """Run a program in a fresh interpreter, with warnings as errors, and return what a terminal would show."""
    ended = subprocess.run(
        [sys.executable, "-u", "-W", "error", *words],
        cwd=cwd,
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=WAIT_S,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout
    return ended.stdout


@blocks_in("python")
def test_a_python_block_prints_what_it_shows(block: Block, tmp_path: Path) -> None:
    (tmp_path / "block.py").write_text(block.text, encoding="utf-8")
    assert_shown(block, run_python("block.py", cwd=tmp_path).replace(f"{tmp_path}/", "/srv/"))


BROWSER = """
// what a browser gives: paths are relative to the page, and every request is seen
const requests = [];
const fetched = globalThis.fetch;
globalThis.fetch = async (path, options) => {
  const answer = await fetched(new URL(path, process.env.ORIGIN), options);
  requests.push(`${path} ${answer.status}`);
  return answer;
};
"""
VISIT = """
await login("admin@example.com", process.env.PASSWORD);
const good = await call("/v1/session");
tokens.access_token += "A"; // as good as expired
const three = await Promise.all(Array.from({ length: 3 }, () => call("/v1/session")));
await call("/v1/logout", { method: "POST" });
const after = await call("/v1/session").catch((error) => error.message);
console.log(JSON.stringify({ good: good.status, three: three.map((one) => one.status), after, requests }));
"""


@blocks_in("javascript")
def test_a_browser_script_refreshes_once_for_all_calls(block: Block, story: Any, tmp_path: Path) -> None:
    if shutil.which("node") is None:
        pytest.skip("there is no node on this machine")
    (tmp_path / "page.mjs").write_text(BROWSER + block.text + VISIT, encoding="utf-8")
    service = story(block.path).service
    ended = subprocess.run(
        ["node", "page.mjs"],
        cwd=tmp_path,
        env={**ENVIRONMENT, "ORIGIN": service.url, "PASSWORD": service.password},
        capture_output=True,
        text=True,
        timeout=WAIT_S,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    seen = json.loads(ended.stdout)
    assert (seen["good"], seen["three"], seen["after"]) == (200, [200, 200, 200], "session_ended")
    assert seen["requests"].count("/v1/refresh 200") == 1
    assert seen["requests"].count("/v1/session 401") == 4


@pytest.mark.parametrize("block", MAKE_BLOCKS, ids=str)
def test_make_knows_what_the_documents_tell_it_to_do(block: Block) -> None:
    targets = re.findall(r"^([a-z-]+):.*## ", (REPOSITORY / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    for line in block.text.splitlines():
        words = [word for word in line.partition("#")[0].split()[1:] if "=" not in word]
        assert words
        assert set(words) <= set(targets)


def test_make_serve_prints_what_the_readme_shows(story: Any) -> None:
    (block,) = [block for block in MAKE_BLOCKS if block.path == DOCUMENTS[0] and block.text == "make serve\n"]
    told = story(DOCUMENTS[0])
    text = (REPOSITORY / "scripts/install.py").read_text(encoding="utf-8")
    (installing,) = re.findall(r'print\(f"(daypass: installing .*?)"', text)
    lines = [installing.replace("{where}", ".venv"), *told.service.lines]
    assert_shown(block, "\n".join(lines).replace(told.service.url, "http://127.0.0.1:8000"))


def test_make_test_ends_as_the_readme_shows(tmp_path: Path) -> None:
    (block,) = [block for block in MAKE_BLOCKS if block.path == DOCUMENTS[0] and block.text == "make test\n"]
    (tmp_path / "test_one.py").write_text("def test_one() -> None: ...\n", encoding="utf-8")
    assert_shown(block, run_python("-m", "pytest", cwd=tmp_path))


@pytest.mark.parametrize("path", [*DOCUMENTS, *OTHERS], ids=lambda path: path.name)
def test_links_lead_somewhere(path: Path) -> None:
    text = re.sub(r"^```.*?^```$", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    for target in re.findall(r"\]\(([^)]+)\)", text):
        place, _, heading = target.partition("#")
        if "://" in place:
            continue
        found = path.parent / place if place else path
        assert found.exists(), f"{path.name} links to {place}"
        if heading:
            headings = re.findall(r"^#+ (.*)$", found.read_text(encoding="utf-8"), re.MULTILINE)
            slugs = {re.sub(r"[^\w -]", "", one.lower()).replace(" ", "-") for one in headings}
            assert heading in slugs, f"{path.name} links to #{heading}"


@pytest.fixture
def openapi(story: Any) -> dict[str, Any]:
    """Fetch the document that the service gives about itself."""
    return story(DOCUMENTS[0]).service.http.get("/openapi.json").json()


TOKEN_IS = [[], ["yes"], ["optional"]]
"""By the number of ways to call: with a token, without one."""


def name_in(content: dict[str, Any]) -> str:
    """Name the schema of a body."""
    return next(iter(content["content"].values()))["schema"]["$ref"].rpartition("/")[2]


def test_the_api_page_says_what_the_openapi_document_says(openapi: dict[str, Any]) -> None:
    text = (REPOSITORY / "docs/http-api.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([A-Z]+) (\S+)` \|(.*?)\|(.*?)\|(.*?)\|(.*?)\|$", text, re.MULTILINE)
    written = {
        (method.lower(), path): tuple(cell.replace("`", "").split() for cell in cells) for method, path, *cells in rows
    }
    known = {}
    for path, operations in openapi["paths"].items():
        for method, operation in operations.items():
            success, *others = operation["responses"]
            body = operation["responses"][success]
            known[method, path] = (
                TOKEN_IS[len(operation.get("security", []))],
                [name_in(operation["requestBody"])] if "requestBody" in operation else [],
                [success, *([name_in(body)] if "content" in body else [])],
                sorted(status for status in others if status != "500"),
            )
    assert written == known


def test_the_api_page_names_every_field(openapi: dict[str, Any]) -> None:
    text = (REPOSITORY / "docs/http-api.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| (`.*) \|$", text, re.MULTILINE)
    written = {name: set(re.findall(r"`(\w+)`", fields)) for name, fields in rows if name[0].isupper()}
    assert written == {name: set(schema["properties"]) for name, schema in openapi["components"]["schemas"].items()}


def every_error(kind: type[errors.DaypassError]) -> Iterator[type[errors.DaypassError]]:
    yield kind
    for child in kind.__subclasses__():
        yield from every_error(child)


def test_the_api_page_lists_the_codes_that_exist() -> None:
    text = (REPOSITORY / "docs/http-api.md").read_text(encoding="utf-8")
    written = re.findall(r"^\| `([a-z_]+)` \| (\d{3}) \|", text, re.MULTILINE)
    source = "".join(path.read_text(encoding="utf-8") for path in REPOSITORY.glob("src/daypass/*/*.py"))
    known = {code: int(status) for status, code in re.findall(r'Refused\(\s*(\d{3}),\s*"([a-z_]+)"', source)}
    kinds = {kind.code: kind for kind in every_error(errors.DaypassError)}
    assert len(written) == len(dict(written))
    for code, status in written:
        assert int(status) == (known.get(code) or refusal_of(kinds[code].__new__(kinds[code])).status), code
    assert set(known) <= dict(written).keys()


def test_the_numbers_of_the_policy_are_its_defaults() -> None:
    text = (REPOSITORY / "docs/sessions.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+_\w+)` \| (\d+) \|", text, re.MULTILINE)
    assert len(rows) > 3
    assert {name: getattr(SessionPolicy(), name) for name, _ in rows} == {name: int(value) for name, value in rows}


def test_the_extras_that_are_named_exist() -> None:
    extras = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"][
        "optional-dependencies"
    ]
    named = re.findall(r"\.\[([a-z,]+)\]", (REPOSITORY / "README.md").read_text(encoding="utf-8"))
    assert named
    assert {extra for words in named for extra in words.split(",")} <= set(extras)


def test_the_variables_that_are_named_are_those_that_are_read() -> None:
    named = set(re.findall(r"`(DAYPASS_\w+)`", (REPOSITORY / "README.md").read_text(encoding="utf-8")))
    others = {KEYS_VARIABLE, STORE_VARIABLE, MASTER_KEY_VARIABLE}
    assert named == {f"DAYPASS_{name.upper()}" for name in Settings.model_fields} | others


def test_the_page_of_the_command_line_names_every_command() -> None:
    text = (REPOSITORY / "docs/cli.md").read_text(encoding="utf-8")
    named = set()
    for cell in re.findall(r"^\| (`daypass .*?`) \|", text, re.MULTILINE):
        first, *others = re.findall(r"`([\w -]+)`", cell)
        named |= {first, *(f"{first.rpartition(' ')[0]} {other}" for other in others)}
    known = set()
    for name, command in get_command(application).commands.items():
        known |= {f"daypass {name} {inner}" for inner in getattr(command, "commands", ())} or {f"daypass {name}"}
    assert named == known


# ----------------------------------------------------------------------------------------------- examples


def test_the_example_of_two_lines(tmp_path: Path) -> None:
    output = run_python(str(REPOSITORY / "examples/two_lines.py"), cwd=tmp_path)
    assert shape_of(output) == "<access token>\n{'id': 7, 'exp': <epoch seconds>}\nrefused: The token is not valid."


@pytest.fixture
def notes(tmp_path: Path) -> Iterator[httpx.Client]:
    """The example of an API, running."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-W", "error", str(REPOSITORY / "examples/api_with_sessions.py"), str(port)]
    process = subprocess.Popen(command, cwd=tmp_path, env=ENVIRONMENT, stderr=subprocess.PIPE, text=True)
    transport = httpx.HTTPTransport(retries=8)  # until it listens
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=WAIT_S, transport=transport) as client:
        yield client
    process.send_signal(signal.SIGINT)
    _, errors_of_it = process.communicate(timeout=WAIT_S)
    assert errors_of_it == ""


def test_the_example_of_an_api(notes: httpx.Client) -> None:
    def login(name: str, password: str) -> dict[str, str]:
        pair = notes.post("/login", json={"name": name, "password": password}).json()
        return {"Authorization": f"Bearer {pair['access_token']}", "refresh": pair["refresh_token"]}

    def status(method: str, path: str, who: dict[str, str], **body: str) -> int:
        return notes.request(method, path, headers=who, json=body or None).status_code

    assert notes.post("/login", json={"name": "nobody", "password": ""}).status_code == 401
    assert status("GET", "/notes", {}) == 401
    assert status("GET", "/notes", {"Authorization": "Bearer a.b.c"}) == 401
    alice, phone, bob = *(login("alice", "a walk in the rain") for _ in range(2)), login("bob", "bread, salt and wine")
    assert status("POST", "/notes", alice, text="Ring Bob.") == 201
    assert status("POST", "/notes", bob, text="Ring Alice.") == 403
    assert notes.get("/notes", headers=bob).json() == ["Buy bread.", "Ring Bob."]
    assert status("POST", "/refresh", {}, refresh_token=alice["refresh"]) == 200
    assert status("POST", "/logout", bob) == 204
    assert status("GET", "/notes", bob) == 401
    assert status("POST", "/logout-all", alice) == 204
    assert status("GET", "/notes", phone) == 401
    assert status("POST", "/refresh", {}, refresh_token=alice["refresh"]) == 401
