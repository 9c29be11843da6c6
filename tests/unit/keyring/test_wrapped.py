"""A ring that others keep: they can neither read it, nor change it, nor put another one in its place."""

import hashlib
import json
import pickle
import traceback

import pytest

from daypass import jwe
from daypass.encoding import b64url_encode
from daypass.errors import ConfigurationError, StoreUnavailable, WeakKey
from daypass.jose.jwk import JWK
from daypass.keyring.master_key import MasterKeys, master_key_from_env
from daypass.keyring.memory import MemoryStorage
from daypass.keyring.ring import KeyRing
from daypass.keyring.wrapped import WrappedStorage
from daypass.stores.memory import MemoryStore
from tests.unit.keyring.remote import Remote

OLD, NEW = (hashlib.sha256(name).digest() for name in (b"old", b"new"))  # they name tests: the same in each process


@pytest.fixture
def place() -> Remote:
    return Remote()


def opened(place: Remote, *keys: bytes, **words: object) -> KeyRing:
    return KeyRing.from_storage(place, master_key=list(keys) or OLD, **words)  # type: ignore[arg-type]


def test_what_stands_there_says_nothing_and_every_process_reads_it(place: Remote) -> None:
    with opened(place) as ring, opened(place) as other:
        assert other.entries() == ring.entries()
        text = place.text()
        assert text.count(b".") == 4  # a compact JWE
        for entry in ring.entries():
            assert entry.kid.encode() not in text
        header = json.loads(jwe.decrypt(text.decode(), JWK.from_secret(OLD, alg="dir"), algs=["dir"]).plaintext)
        assert {"keys", "daypass"} <= header.keys()


def test_a_server_needs_a_master_key_and_memory_does_not() -> None:
    with pytest.raises(ConfigurationError, match="master_key_from_env"):
        KeyRing.from_storage(Remote())  # type: ignore[arg-type]
    assert KeyRing.from_storage(MemoryStore().ring_storage()).entries()


def test_another_master_key_is_refused_by_name_and_changes_nothing(place: Remote) -> None:
    opened(place).close()
    before = place.text()
    with pytest.raises(ConfigurationError, match="another master key") as raised:
        opened(place, NEW)
    assert place.text() == before
    shown = "".join(traceback.format_exception(raised.value))
    for key in (OLD, NEW):
        assert b64url_encode(key) not in shown


@pytest.mark.parametrize(
    "change",
    [
        lambda text: b"",
        lambda text: text[:-1],
        lambda text: text[:-10] + (b"A" if text[-10:-9] != b"A" else b"B") + text[-9:],
        lambda text: b"x" + text[1:],
        lambda text: text + b".",
        lambda text: b"\xff" * 10,
        lambda text: b'{"keys":[]}',
        lambda text: jwe.encrypt(b"{}", JWK.from_secret(OLD, alg="dir", kid="x"), enc="A256GCM").encode(),
    ],
)
def test_a_text_that_was_changed_is_refused_and_a_running_process_goes_on(place: Remote, change: object) -> None:
    ring = opened(place)
    kid = ring.signing_keys()[0].kid
    good = place.text()
    place.put(change(good))  # type: ignore[operator]
    with pytest.raises(ConfigurationError, match="far away"):
        opened(place)
    with pytest.raises(ConfigurationError):
        ring.rotate()
    ring.reread()
    assert ring.signing_keys()[0].kid == kid
    assert "far away" in ring.describe()
    place.put(good)
    ring.close()
    assert opened(place).signing_keys()[0].kid == kid


def test_the_ring_of_another_name_does_not_stand_for_this_one() -> None:
    mine, theirs = Remote(), Remote()
    opened(mine, name="mine").close()
    opened(theirs, name="theirs").close()
    mine.put(theirs.text())
    with pytest.raises(ConfigurationError, match="another name"):
        opened(mine, name="mine")


def test_a_retirement_cannot_be_undone_by_who_writes_there(place: Remote) -> None:
    ring = opened(place)
    leaked = str(ring.signing_keys()[0].kid)
    ring.rotate(at_once=True)
    before = place.text()
    ring.retire(leaked)
    place.put(before)
    ring.reread()
    assert leaked not in {entry.kid for entry in ring.entries()}
    with pytest.raises(ConfigurationError, match="older text"):
        ring.rotate()
    assert "older text" in ring.describe()
    ring.close()


def test_the_master_key_is_changed_node_by_node(place: Remote) -> None:
    nodes = [opened(place) for _ in range(2)]
    kids = {entry.kid for entry in nodes[0].entries()}
    for node in nodes:
        node.close()
    behind = [opened(place, OLD, NEW) for _ in range(2)]  # first all nodes know it
    in_front = opened(place, NEW, OLD)
    assert "rewrap" in in_front.describe() or "wrapped under" in in_front.describe()
    in_front.rewrap()
    assert {entry.kid for entry in opened(place, NEW).entries()} == kids  # then the old one may go
    for node in behind:
        node.reread()
        assert {entry.kid for entry in node.entries()} == kids
        node.close()
    in_front.close()
    with pytest.raises(ConfigurationError, match="another master key"):
        opened(place, OLD)


def test_a_ring_that_is_gone_is_made_anew_only_where_that_may_be(place: Remote) -> None:
    ring = opened(place)
    place.forget()
    with pytest.raises(ConfigurationError, match="gone"):
        opened(place, may_create=False)
    ring.reread()
    assert ring.signing_keys()
    ring.copy_to(place, master_key=OLD)  # what still runs puts it back
    assert opened(place, may_create=False).entries() == ring.entries()
    with pytest.raises(ConfigurationError, match="already"):
        ring.copy_to(place, master_key=OLD)
    ring.close()


def test_a_place_that_is_away_is_said(place: Remote) -> None:
    place.is_away = True
    with pytest.raises(StoreUnavailable):
        opened(place)
    place.is_away = False
    ring = opened(place)
    place.is_away = True
    with pytest.raises(StoreUnavailable):
        ring.rotate()
    place.is_away = False
    assert len(ring.entries()) == 2
    ring.close()


class TestMasterKeys:
    """What may be one, and what shows of it."""

    def test_bytes_and_a_jwk_of_them_are_the_same_key(self) -> None:
        jwk = JWK.from_dict({"kty": "oct", "k": b64url_encode(OLD), "alg": "dir"})
        assert MasterKeys(OLD).kid == MasterKeys(jwk).kid != MasterKeys(NEW).kid
        assert len(MasterKeys([OLD, OLD, NEW]).keys) == 2

    @pytest.mark.parametrize(
        "key, error",
        [
            (b"", ConfigurationError),
            (OLD[:31], ConfigurationError),
            (OLD + b"x", ConfigurationError),
            (bytes(32), WeakKey),
            (b"passwordpasswordpasswordpassword", WeakKey),
            ([], ConfigurationError),
            ([hashlib.sha256(bytes([number])).digest() for number in range(9)], ConfigurationError),
            ("text", TypeError),
            ([3], TypeError),
            (None, TypeError),
        ],
    )
    def test_what_is_none_is_refused(self, key: object, error: type[Exception]) -> None:
        with pytest.raises(error) as raised:
            MasterKeys(key)  # type: ignore[arg-type]
        assert "password" not in str(raised.value)

    @pytest.mark.parametrize("value", ["", " ", "abc", "a" * 43, "!" * 43, "é" * 43, "password" * 6])
    def test_a_variable_without_one_is_refused_without_its_value(
        self, value: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("DAYPASS_MASTER_KEY", value)
        with pytest.raises((ConfigurationError, WeakKey), match="DAYPASS_MASTER_KEY") as raised:
            master_key_from_env()
        shown = "".join(traceback.TracebackException.from_exception(raised.value, capture_locals=True).format())
        assert not value.strip() or value not in shown.replace(f"value = {value!r}", "")

    def test_several_stand_in_one_variable(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("MINE", f"{b64url_encode(NEW)}, {b64url_encode(OLD)}\n")
        assert [key.kid for key in master_key_from_env("MINE").keys] == [MasterKeys(NEW).kid, MasterKeys(OLD).kid]

    def test_nothing_shows_it(self) -> None:
        keys = MasterKeys(OLD)
        wrapped = WrappedStorage(MemoryStorage(), keys, name="x")
        for value in (keys, wrapped):
            assert b64url_encode(OLD) not in repr(value)
            with pytest.raises(TypeError):
                pickle.dumps(value)

    @pytest.mark.parametrize("name", ["", "x" * 256, None, 3])
    def test_a_name_that_is_none_is_refused(self, name: object) -> None:
        with pytest.raises(ConfigurationError):
            WrappedStorage(MemoryStorage(), MasterKeys(OLD), name=name)  # type: ignore[arg-type]
