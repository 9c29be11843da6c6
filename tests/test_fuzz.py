"""The targets of `make fuzz`, without a fuzzer: in seeds and some thousand changes they find nothing, and could."""

import contextlib
import itertools
import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import nacl.bindings
import pytest

from daypass.errors import KeyFormatError, MalformedToken
from daypass.jose import jws
from daypass.jose.jwk import JWK
from daypass.paseto import claims_token, paserk_password
from daypass.tokens.formats import paseto_claims as paseto_formats
from fuzz import lanes, replay, vectors
from fuzz.__main__ import try_inputs
from fuzz.chance import Chance
from fuzz.findings import Findings
from fuzz.judge import STAGES, Refuse, Undecided, Wrong, json_object, octets, same_json
from fuzz.places import REPOSITORY
from fuzz.report import Result, as_json, as_text
from fuzz.targets import (
    MODULES,
    claims,
    inspection,
    jwe_compact,
    jwe_json,
    jws_compact,
    jws_json,
    jwt_encrypted,
    load,
    paserk,
    paseto_claims,
    paseto_token,
    pem,
)
from fuzz.worker_status import Status

# target: changes to try, and the stages that must be among the outcomes: who never passes base64 proves nothing
EXPECTED = {
    "jws": (800, {"malformed", "policy", "key", "proof", "accepted"}),
    "jws-json": (500, {"malformed", "policy", "key", "proof", "accepted"}),
    "jwe": (800, {"malformed", "policy", "key", "proof", "accepted"}),
    "jwe-json": (800, {"malformed", "policy", "key", "proof", "accepted"}),
    "jwt-encrypted": (800, {"malformed", "policy", "key", "proof", "claims", "accepted"}),
    "jwk": (500, {"malformed", "key", "accepted"}),
    "pem": (300, {"malformed", "accepted"}),
    "claims": (2000, {"malformed", "claims", "accepted"}),
    "inspect": (2000, {"malformed", "accepted"}),
    "paseto": (1000, {"malformed", "policy", "proof", "accepted"}),
    "paseto-claims": (2000, {"malformed", "policy", "key", "proof", "claims", "accepted"}),
    "paserk": (300, {"malformed", "accepted"}),
}


def inputs(name: str, changes: int, first: int = 0) -> Iterator[bytes]:
    """The seeds of a target, and changes of them and of one another: the same each time but for random signatures."""
    target = load(name)
    kept = list(target.seeds())
    yield from kept
    for number in range(first, first + changes):
        chance = Chance(number)
        changed = target.mutate(chance.pick(kept), chance)
        if number % 5 == 0:
            kept.append(changed)
        yield changed


def test_every_target_is_tried() -> None:
    assert EXPECTED.keys() == MODULES.keys()
    assert all(load(name).name == name for name in MODULES)


@pytest.mark.parametrize("name", EXPECTED)
def test_a_target_finds_nothing_and_reaches_every_stage(name: str) -> None:
    changes, stages = EXPECTED[name]
    target = load(name)
    outcomes = Counter(target.run(data) for data in inputs(name, changes))
    assert outcomes.keys() <= set(STAGES)
    assert stages <= outcomes.keys()
    assert outcomes["accepted"] > changes / 20


@pytest.mark.parametrize("name", EXPECTED)
def test_the_lines_of_a_report_are_those_of_daypass(name: str) -> None:
    """A module that moved must not fall out of the report in silence."""
    assert all((replay.SOURCE / module).is_file() for module in load(name).concerns)


# ------------------------------------------------------------------------------------------ faults are found

Call = Callable[..., Any]


def lenient(real: Call) -> Call:
    return lambda token, *args, **words: real(token.rstrip("=\n"), *args, **words)


def any_will_do(real: Call) -> Call:
    return lambda *args, **words: real(*args, **(words | {"require": "any"}))


def everything_allowed(real: Call) -> Call:
    return lambda token, keys, **_: real(token, keys, **jwe_compact.ALLOW_ALL)


def a_second_late(real: Call) -> Call:
    return lambda *args, clock, **words: real(*args, clock=lambda: clock() - 1, **words)


def nothing_found(real: Call) -> Call:
    return lambda *args, **words: msgspec.structs.replace(real(*args, **words), findings=())


def claims_of_another(real: Call) -> Call:
    return lambda *args, **words: {**real(*args, **words), "sub": "admin"}


def without_data(real: Call) -> Call:
    return lambda *args, **words: msgspec.structs.replace(real(*args, **words), aad=b"")


def foreign_error(real: Call) -> Call:
    def load_key(*args: Any, **words: Any) -> Any:
        try:
            return real(*args, **words)
        except KeyFormatError:
            raise NotImplementedError from None

    return load_key


def whatever_footer(real: Call) -> Call:
    return lambda token, key, *, footer, implicit: real(token, key, implicit=implicit)


def small_letters(real: Call) -> Call:
    return lambda payload: real(payload.replace(b'z"', b'Z"'))


def no_kid(real: Call) -> Call:
    def members(footer: bytes) -> Any:
        try:
            return real(footer)
        except MalformedToken:
            return {}

    return members


def always(_real: Call) -> Call:
    return lambda _: True


def one(_bound: int) -> int:
    return 1


FAULTS = {
    "jws: padding": ("jws", jws_compact.jws, "verify", lenient),
    "jws: claims": ("jws", jws_compact.jwt, "verify", claims_of_another),
    "jws-json: all": ("jws-json", jws_json.jws, "verify_json", any_will_do),
    "jwe: policy": ("jwe", jwe_compact.jwe, "decrypt", everything_allowed),
    "jwe-json: aad": ("jwe-json", jwe_json.jwe, "decrypt_json", without_data),
    "jwt-encrypted: claims": ("jwt-encrypted", jwt_encrypted.jwt, "decrypt", claims_of_another),
    "claims: clock": ("claims", claims, "compile_verifier", a_second_late),
    "inspect: findings": ("inspect", inspection, "inspect_token", nothing_found),
    "jwk: error": ("jwk", JWK, "from_json", foreign_error),
    "pem: error": ("pem", JWK, "from_ssh", foreign_error),
    "paseto: padding": ("paseto", paseto_token.paseto, "decrypt", lenient),
    "paseto: footer": ("paseto", paseto_token.paseto, "verify", whatever_footer),
    "paseto-claims: times": ("paseto-claims", claims_token, "claims_of_payload", small_letters),
    "paseto-claims: clock": ("paseto-claims", paseto_claims, "Verifier", a_second_late),
    "paseto-claims: kid": ("paseto-claims", paseto_formats, "footer_members", no_kid),
    "paserk: error": ("paserk", paserk.paserk, "load", foreign_error),
    "paserk: padding": ("paserk", paserk.paserk, "load", lenient),
    "paserk: points": ("paserk", nacl.bindings, "crypto_core_ed25519_is_valid_point", always),
    "paserk: costs": ("paserk", paserk_password, "PBES2_COUNT_MIN", one),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_found(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    name, place, attribute, faulty = FAULTS[fault]
    target = load(name)
    monkeypatch.setattr(place, attribute, faulty(getattr(place, attribute)))
    with pytest.raises((Wrong, NotImplementedError)):
        Counter(target.run(data) for data in inputs(name, 3000))


# ------------------------------------------------------------------------------------------------- the judge


@pytest.mark.parametrize("text", ["QQ==", "QR", "Q", "+A", "Q Q", "Qé", "QQ\n"])
def test_the_judge_refuses_other_spellings(text: str) -> None:
    with pytest.raises(Refuse):
        octets(text)
    assert octets("QQ") == b"A"


@pytest.mark.parametrize(
    "raw",
    [
        b'{"a":1,"a":1}',
        b'{"a":{"b":1,"\\u0062":2}}',
        b'{"a":NaN}',
        b'{"a":1e400}',
        b'{"a":"\\ud800"}',
        b"[]",
        b"\xff{}",
        b"",
    ],
)
def test_the_judge_refuses_other_json(raw: bytes) -> None:
    with pytest.raises(Refuse):
        json_object(raw)


def test_the_judge_leaves_some_json_open() -> None:
    for raw in (b'{"a":' + b"[" * 200 + b"]" * 200 + b"}", b'{"a":' + b"1" * 4200 + b"}"):
        with pytest.raises(Undecided):
            json_object(raw)
    assert json_object(b' {"a" : [1, 2.5, null]} ') == {"a": [1, 2.5, None]}


def test_equal_json_is_equal_by_kind() -> None:
    assert same_json({"a": [1, "x", None]}, {"a": [1, "x", None]})
    for one, other in itertools.combinations([1, 1.0, True, "1", None, [1], {"a": 1}, []], 2):
        assert not same_json(one, other)


# ------------------------------------------------------------------------------------------ the run, the report


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """A worker for claims, with a stand-in for atheris, which only `make fuzz` installs."""
    stand_in = SimpleNamespace(
        instrument_imports=lambda **_: contextlib.nullcontext(),
        Mutate=lambda raw, most: raw[:most] + b"!",
        __name__="atheris",
    )
    monkeypatch.setitem(sys.modules, "atheris", stand_in)
    monkeypatch.delitem(sys.modules, "fuzz.worker", raising=False)
    from fuzz import worker as module

    monkeypatch.setattr(module, "FINDINGS", tmp_path / "findings")
    monkeypatch.delitem(sys.modules, "fuzz.worker", raising=False)
    return module.Worker("claims", 3600, tmp_path / "status.json")


def test_a_worker_counts_and_keeps_what_it_finds(worker: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    good = claims.joined(4, claims.NOW_S, b'{"iss":"a","aud":"b","exp":%d}' % (claims.NOW_S + 1))
    worker.run(good)
    target = msgspec.structs.replace(claims.TARGET, run=lambda _: pytest.fail("found"))
    monkeypatch.setattr(worker, "_target", target)
    worker.run(good)
    worker.run(good)
    worker._write(worker._began_s + 2)
    status = msgspec.json.decode((tmp_path / "status.json").read_bytes())
    assert (status["executions"], status["outcomes"]) == (3, {"accepted": 1, "found": 2})
    [finding] = status["findings"]
    assert finding["times"] == 2
    assert (tmp_path / "findings" / finding["file"]).read_bytes() == good
    assert "found" in (tmp_path / "findings" / f"{finding['file']}.txt").read_text(encoding="utf-8")


def test_a_worker_changes_an_input_within_its_bound(worker: Any) -> None:
    good = claims.good()[0]
    changed = {worker.mutate(good, 20_000, seed) for seed in range(20)}
    assert len(changed) > 10
    assert worker.mutate(good, 10, 1) == good[:10] + b"!"


def test_a_worker_that_broke_off_is_followed_by_another(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Each one runs for the time that the others have left; what all of them did is added up."""
    commands: list[list[str]] = []

    def popen(command: list[str], *, stdout: Any, **_: Any) -> SimpleNamespace:
        commands.append(command)
        stdout.write(b"first\nlibFuzzer: timeout\n")
        Path(command[-1]).write_bytes(msgspec.json.encode(Status(executions=10, seconds=40, outcomes={"accepted": 10})))
        code = 0 if len(commands) == 2 else 70
        return SimpleNamespace(poll=lambda: code)

    monkeypatch.setattr(lanes, "subprocess", SimpleNamespace(Popen=popen, DEVNULL=None))
    monkeypatch.setattr(lanes, "CORPUS", tmp_path / "corpus")
    monkeypatch.setattr(lanes, "FINDINGS", tmp_path / "findings")
    monkeypatch.setattr(lanes, "time", SimpleNamespace(monotonic=lambda: 0.0, sleep=lambda _: None))
    [lane] = lanes.run(["jws"], 60.0, 1)
    assert [command[-2] for command in commands] == ["60.0", "20.0"]
    assert (lane.status().executions, lane.status().seconds, lane.status().outcomes) == (20, 80, {"accepted": 20})
    [broken] = lane.broken
    assert "exit code 70" in broken
    assert broken.endswith("libFuzzer: timeout")


def test_each_kind_of_failure_is_kept_once(tmp_path: Path) -> None:
    findings = Findings(tmp_path, "jws")
    for number, error in enumerate([ValueError, ValueError, TypeError]):
        try:
            raise error(f"number {number}")
        except (ValueError, TypeError) as raised:
            findings.add(b"input %d" % number, raised)
    assert [(it.what, it.times) for it in findings.all()] == [("ValueError: number 0", 2), ("TypeError: number 2", 1)]
    assert sorted(file.suffix for file in tmp_path.iterdir()) == ["", "", ".txt", ".txt"]


def test_a_finding_is_tried_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "input"
    file.write_bytes(jws_compact.good()[0])
    assert try_inputs("jws", [file]) == 0
    assert capsys.readouterr().out == "input: accepted\n"
    monkeypatch.setattr(jws, "verify", lenient(jws.verify))
    assert try_inputs("jws", [file]) == 1
    assert "two spellings" in capsys.readouterr().err


def test_the_report() -> None:
    reach = [replay.Reach("a.py", 10, [1, 2]), replay.Reach("b.py", 10, [])]
    words = {
        "reads": "x",
        "seconds": 2.0,
        "cpu_seconds": 1.0,
        "executions_per_second": 500.0,
        "slowest_s": 0.01,
        "seeds": 3,
    }
    one = Result(
        target="jws", executions=1000, outcomes={"accepted": 900, "proof": 100}, reach=reach, corpus=5, **words
    )
    other = Result(target="pem", executions=20, reach=[replay.Reach("a.py", 10, [2, 3])], **words)
    other.broken = ["a worker ended with exit code 77"]
    lines = as_text([one, other]).splitlines()
    told = [" ".join(line.split()) for line in lines]
    assert "jws 1,000 500 3 5 90 % 10 ms 0" in told
    assert "pem 20 500 3 0 80 % 10 ms 1" in told
    assert "jws 100 900" in told
    assert "a.py 9 10 90 % jws, pem" in told
    assert "pem: a worker ended with exit code 77" in lines
    assert lines[-1] == "1,020 executions, 1 finding"
    assert [it["target"] for it in msgspec.json.decode(as_json([one, other]))] == ["jws", "pem"]


def test_which_lines_a_corpus_reaches() -> None:
    by_module = {it.module: it for it in replay.reached("claims", [])}
    claims_py = by_module["claims.py"]
    assert 0 < len(claims_py.missed) < claims_py.lines / 2
    source = (replay.SOURCE / "claims.py").read_text(encoding="utf-8").splitlines()
    rare = 1 + next(at for at, line in enumerate(source) if "expires before it was issued" in line)
    assert rare in claims_py.missed  # no seed is like that, but this input is
    odd = json.dumps({**claims.GOOD, "exp": claims.NOW_S - 100}).encode()
    by_module = {it.module: it for it in replay.reached("claims", [claims.joined(8, claims.NOW_S, odd)])}
    assert rare not in by_module["claims.py"].missed


def test_seeds_come_from_the_vectors() -> None:
    if vectors.directory() is None:
        pytest.skip("no test vectors: set DAYPASS_VECTORS")
    assert len(vectors.compact(2)) > 15
    assert len(vectors.compact(4)) > 10
    assert len(vectors.objects("kty")) > 20
    assert vectors.directory() != REPOSITORY


def test_every_form_of_a_key_is_a_seed() -> None:
    seeds = pem.good()
    for mark in (
        b"BEGIN RSA PRIVATE",
        b"BEGIN EC PRIVATE",
        b"BEGIN PUBLIC",
        b"BEGIN ENCRYPTED",
        b"BEGIN CERTIFICATE",
        b"ssh-",
    ):
        assert any(mark in seed for seed in seeds)
    assert any(seed[:1] == b"\x30" for seed in seeds)
