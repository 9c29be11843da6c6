"""The official test vectors of PASERK: all of them, what holds and what must be refused, by the public interface."""

from collections import Counter
from typing import Any

import pytest

from daypass.errors import ConfigurationError, KeyFormatError
from daypass.paseto import paserk
from daypass.paseto.keys import LocalKey, PublicKey, SecretKey
from tests import vectors

KIND_OF = {
    "lid": LocalKey,
    "pid": PublicKey,
    "sid": SecretKey,
    "local": LocalKey,
    "public": PublicKey,
    "secret": SecretKey,
    "local-wrap.pie": LocalKey,
    "secret-wrap.pie": SecretKey,
    "local-pw": LocalKey,
    "secret-pw": SecretKey,
    "seal": LocalKey,
}
FILES = [f"k{version}.{type_}" for version in (1, 2, 3, 4) for type_ in KIND_OF]
CASES = [(name, case) for name in FILES for case in vectors.load(f"paserk/{name}.json")["tests"]]
HOLDS = [pytest.param(*it, id=it[1]["name"]) for it in CASES if not it[1]["expect-fail"]]
FAILS = [pytest.param(*it, id=f"{it[0]}:{it[1]['name']}") for it in CASES if it[1]["expect-fail"]]
IS_ID, IS_PLAIN = ("lid", "pid", "sid"), ("local", "public", "secret")


def test_all_vectors_are_here() -> None:
    assert len(FILES) == 44
    assert {path.stem for path in (vectors.directory() / "paserk").glob("*.json")} == set(FILES)
    assert len(CASES) == len(HOLDS) + len(FAILS) == 197
    assert (len(HOLDS), len(FAILS)) == (110, 87)
    assert Counter(name[:2] for name, _ in CASES) == {"k1": 46, "k2": 51, "k3": 49, "k4": 51}


def key_of(kind: Any, version: int, text: str) -> Any:
    """Octets as hex, or PEM."""
    return kind.from_pem(version, text) if text.startswith("-----BEGIN") else kind.from_bytes(version, octets(text))


def octets(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        return text.encode()


def words_of(case: dict[str, Any], version: int) -> dict[str, Any]:
    """What opens a PASERK: a password is UTF-8 as it is written, also where it looks like hex."""
    if "password" in case:
        return {"password": case["password"].encode()}
    if "wrapping-key" in case:
        return {"wrapping_key": LocalKey.from_bytes(version, bytes.fromhex(case["wrapping-key"]))}
    if "sealing-secret-key" in case:
        return {"unsealing_key": key_of(SecretKey, version, case["sealing-secret-key"]), "allow_raw_rsa": True}
    return {}


def parts(name: str) -> tuple[int, str, Any]:
    version, _, type_ = name[1:].partition(".")
    return int(version), type_, KIND_OF[type_]


@pytest.mark.parametrize("name, case", HOLDS)
def test_a_vector_holds(name: str, case: dict[str, Any]) -> None:
    version, type_, kind = parts(name)
    if type_ in IS_ID:
        key = key_of(kind, version, case["key"])
        assert paserk.key_id(key) == case["paserk"]
        with pytest.raises(KeyFormatError, match="name of a key"):
            paserk.load(case["paserk"])
        return
    words = words_of(case, version)
    loaded = paserk.load(case["paserk"], version=version, **words)
    expected = case[next(word for word in ("key", "unwrapped", "unsealed") if word in case)]
    key = key_of(kind, version, expected)
    assert type(loaded) is kind
    assert (loaded.version, loaded.to_bytes()) == (version, key.to_bytes())
    if type_ in IS_PLAIN:
        assert paserk.dump(key) == paserk.dump(loaded) == case["paserk"]
    elif "password" not in case:
        if "unsealing_key" in words:
            public = key_of(PublicKey, version, case["sealing-public-key"])
            assert words["unsealing_key"].public().to_bytes() == public.to_bytes()
            again = paserk.dump(key, sealing_key=public, allow_raw_rsa=True)
        else:
            again = paserk.dump(key, **words)
        assert (len(again), again[: len(name)]) == (len(case["paserk"]), name)
        assert paserk.load(again, **words).to_bytes() == key.to_bytes()


def without_stray_bits(text: str) -> str:
    """The canonical spelling of the octets that a lenient decoder would read."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    length = len(text.rpartition(".")[2])
    bits = {0: 0, 2: 4, 3: 2}[length % 4]
    return text[:-1] + alphabet[alphabet.index(text[-1]) >> bits << bits]


@pytest.mark.parametrize("name, case", FAILS)
def test_a_vector_is_refused(name: str, case: dict[str, Any]) -> None:
    version, _, kind = parts(name)
    comment, text = case["comment"], case.get("paserk")
    if text is None:  # the key itself is to be refused: of another length, kind or version
        with pytest.raises(KeyFormatError):
            key_of(kind, version, case["key"])
    elif "wrong version" in comment:
        try:
            words = words_of(case, int(text[1]))  # these open it, so that only the demanded version can refuse it
        except KeyFormatError:
            words = words_of(case, version)  # the key beside some seals is none of its version
        with pytest.raises(KeyFormatError, match=f"of version {version} is demanded"):
            paserk.load(text, version=version, **words)
    elif "4096-bit" in comment:
        with pytest.raises(ConfigurationError, match="RSA of 4096 bits"):
            paserk.load(text, **words_of(case, version))
    elif "Incorrect password" in comment:
        with pytest.raises(KeyFormatError, match="cannot be unwrapped"):
            paserk.load(text, **words_of(case, version))
    elif "authentication tag" in comment:
        words = words_of(case, version)
        with pytest.raises(KeyFormatError, match=r"cannot be unwrapped|canonical base64url"):
            paserk.load(text, **words)
        if (canonical := without_stray_bits(text)) != text:  # it is no longer refused for its spelling alone
            with pytest.raises(KeyFormatError, match="cannot be unwrapped"):
                paserk.load(canonical, **words)
    else:
        with pytest.raises(KeyFormatError, match=r"canonical base64url|cannot be read|exactly"):
            paserk.load(text)
