"""A ring in a place that others keep: what stands there, and what is refused of it."""

import json
import pickle
import secrets
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from daypass.encoding import b64url_decode, b64url_encode
from daypass.errors import ConfigurationError, StoreUnavailable, WeakKey
from daypass.jose.jwk import JWK
from daypass.keyring.content import dump_ring, parse_ring
from daypass.keyring.master_key import MasterKeys, master_key_from_env
from daypass.keyring.memory import MemoryStorage
from daypass.keyring.ring import KeyRing
from daypass.keyring.storage import RingText
from daypass.keyring.wrapped import WrappedStorage
from daypass.stores.opening import open_store
from tests.unit.keyring.places import Server
from tests.unit.keyring.test_secrecy import PLANTED, assert_silent, frames_of, ring_document, shows_nothing

OLD, NEW = (secrets.token_bytes(32) for _ in range(2))


@pytest.fixture
def server() -> Server:
    return Server()


def open_ring(server: Server, *keys: bytes, name: str = "daypass") -> KeyRing:
    return KeyRing.from_storage(server, master_key=keys or OLD, name=name)


def kids(ring: KeyRing) -> set[str]:
    return {entry.kid for entry in ring.entries()}


# ------------------------------------------------------------------------------------------------ what stands there


def test_the_place_sees_an_encrypted_jwe_and_no_name_of_a_key(server: Server) -> None:
    with open_ring(server) as ring:
        assert server.text is not None
        header, nothing, *_ = server.text.split(b".")
        master = MasterKeys(OLD)
        assert json.loads(b64url_decode(header)) == {
            "alg": "dir", "enc": "A256GCM", "typ": "daypass-ring", "kid": master.kid, "ring": "daypass",
        }  # fmt: skip
        assert nothing == b""
        for kid in kids(ring):
            assert kid.encode() not in server.text
        assert b64url_encode(OLD) not in server.text.decode()


def test_each_write_is_another_text(server: Server) -> None:
    with open_ring(server) as ring:
        before = server.text
        ring.rewrap()
        assert server.text != before


def test_a_place_on_a_server_wants_a_master_key(server: Server) -> None:
    with pytest.raises(ConfigurationError, match="DAYPASS_MASTER_KEY"):
        KeyRing.from_storage(server)
    assert server.text is None


def test_a_file_may_be_wrapped_too() -> None:
    place = MemoryStorage()
    ring = KeyRing.from_storage(place, master_key=OLD)
    text = place.read()
    assert text is not None
    assert text.reveal().count(b".") == 4
    assert kids(KeyRing.from_storage(place, master_key=OLD)) == kids(ring)


# ------------------------------------------------------------------------------------------------ what is refused


def assert_refused(server: Server, load: Callable[[], object], why: str) -> None:
    before = server.text
    with pytest.raises(ConfigurationError, match=why):
        load()
    assert server.text == before


def test_another_master_key_is_refused_by_name_and_overwrites_nothing(server: Server) -> None:
    open_ring(server).close()
    assert_refused(server, partial(open_ring, server, NEW), "another master key .* DAYPASS_MASTER_KEY")
    assert open_ring(server).signing_keys()


def test_a_process_with_the_old_master_key_cannot_overwrite_a_ring_under_the_new_one(server: Server) -> None:
    """It was left behind when the master key was changed: its rotation would undo that."""
    with open_ring(server) as behind:
        open_ring(server, NEW, OLD).rewrap()
        kid = str(behind.signing_keys()[0].kid)
        for change in (behind.rotate, behind.rewrap, partial(behind.retire, kid)):
            assert_refused(server, change, "another master key")
        assert str(behind.signing_keys()[0].kid) == kid


@pytest.mark.parametrize("part", range(5))
def test_a_text_of_which_anything_was_changed_is_refused(server: Server, part: int) -> None:
    open_ring(server).close()
    assert server.text is not None
    parts = server.text.split(b".")
    sealed = bytearray(parts[part] or b"AAAA")
    middle = len(sealed) // 2
    sealed[middle] = ord("B") if sealed[middle] != ord("B") else ord("C")
    parts[part] = bytes(sealed)
    server.put(b".".join(parts))
    assert_refused(server, partial(open_ring, server), "cannot be used")


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: b"",
        lambda text: text[:-1],
        lambda text: text[: len(text) // 2],
        lambda text: text + b"\n",
        lambda text: b"\xff" + text,
        lambda text: b"null",
        lambda text: b"A" * 10_000_000,
        lambda text: dump_ring(parse_ring(RingText(json.dumps(ring_document()).encode()), where="x")).reveal(),
    ],
    ids=["empty", "cut", "half", "line", "no ascii", "null", "huge", "never wrapped"],
)
def test_a_text_that_is_no_wrapped_ring_is_refused(server: Server, spoil: Callable[[bytes], bytes]) -> None:
    open_ring(server).close()
    assert server.text is not None
    server.put(spoil(server.text))
    assert_refused(server, partial(open_ring, server), "cannot be used")


def test_a_ring_of_another_name_under_the_same_master_key_is_refused(server: Server) -> None:
    open_ring(server, name="billing").close()
    assert_refused(server, partial(open_ring, server), "another name")


@pytest.mark.parametrize("typ", ["JWT", "daypass-cache", None])
def test_another_jwe_under_the_same_master_key_is_no_ring(server: Server, typ: str | None) -> None:
    from daypass.jose import jwe

    header = {"ring": "daypass", **({"typ": typ} if typ else {})}
    key = MasterKeys(OLD).keys[0]
    server.put(jwe.encrypt(json.dumps(ring_document()).encode(), key, enc="A256GCM", header=header).encode())
    assert_refused(server, partial(open_ring, server), "cannot be used")


def test_a_running_process_goes_on_when_the_text_is_spoilt_and_says_so(server: Server) -> None:
    with open_ring(server) as ring:
        whole, before = server.text, kids(ring)
        server.put(b"spoilt")
        ring.reread()
        assert kids(ring) == before
        assert "ALARM" in ring.describe()
        assert_refused(server, ring.rotate, "cannot be used")
        server.put(whole)
        kid = ring.rotate(at_once=True)
        assert ring.signing_keys()[0].kid == kid
        ring._reread_at = 0
        ring.reread()
        assert "ALARM" not in ring.describe()


def test_an_old_text_that_is_put_back_does_not_bring_a_retired_key_back(server: Server) -> None:
    """Whoever can write to the store has kept a copy of the ring with the leaked key in it."""
    with open_ring(server) as here, open_ring(server) as there:
        leaked = str(here.signing_keys()[0].kid)
        here.rotate(at_once=True)
        kept = server.text
        here.retire(leaked)
        there.reread()
        server.put(kept)
        for ring in (here, there):
            ring._reread_at = 0
            ring.reread()
            assert leaked not in kids(ring)
            assert "older text" in ring.describe()
            assert_refused(server, ring.rotate, "older text")


# ------------------------------------------------------------------------------------------ another master key


def test_a_master_key_is_changed_without_a_logout_and_without_stopping_all_nodes_at_once(server: Server) -> None:
    with open_ring(server) as first:
        signs = first.signing_keys()[0].kid
        # 1. every node learns the new one behind the old one
        with open_ring(server, OLD, NEW) as second:
            second.rotate(at_once=True)
            first.reread()
            assert first.signing_keys()[0].kid == second.signing_keys()[0].kid != signs
            # 2. the new one in front
            with open_ring(server, NEW, OLD) as third:
                assert f"still stands under the master key {MasterKeys(OLD).kid}" in third.describe()
                third.rewrap()
                assert "still stands" not in third.describe()
                second._reread_at = 0
                second.reread()
                assert "ALARM" not in second.describe()
                assert kids(second) == kids(third)
    # 3. the old one is left out
    with open_ring(server, NEW) as last:
        assert signs in kids(last)
    assert_refused(server, partial(open_ring, server, OLD), "another master key")


def test_a_rotation_rewraps_too(server: Server) -> None:
    open_ring(server).close()
    with open_ring(server, NEW, OLD) as ring:
        ring.rotate()
    open_ring(server, NEW).close()


def test_bytes_and_a_jwk_are_one_master_key() -> None:
    for alg in ("dir", "A256GCM", None):
        key = JWK.from_dict({"kty": "oct", "k": b64url_encode(OLD)} | ({"alg": alg} if alg else {}))
        assert MasterKeys(key).kid == MasterKeys(OLD).kid
    assert len(MasterKeys([OLD, OLD]).keys) == 1
    assert MasterKeys(OLD).kid != MasterKeys(NEW).kid


def test_the_name_of_a_master_key_is_no_part_of_it() -> None:
    assert MasterKeys(OLD).kid == MasterKeys(OLD).kid
    assert MasterKeys(OLD).kid[:6] not in b64url_encode(OLD)


@pytest.mark.parametrize(
    "keys, error",
    [
        ([], ConfigurationError),
        ([secrets.token_bytes(32) for _ in range(9)], ConfigurationError),
        (secrets.token_bytes(31), ConfigurationError),
        (secrets.token_bytes(33), ConfigurationError),
        (b"", ConfigurationError),
        (bytes(32), WeakKey),
        (b"0123456789abcdef0123456789abcdef", WeakKey),
        (JWK.generate("EdDSA"), ConfigurationError),
        (JWK.generate("HS256"), ConfigurationError),
        (JWK.generate("A128GCM"), ConfigurationError),
        ("a text", TypeError),
        (7, TypeError),
        ([None], TypeError),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, type) else value.__name__,
)
def test_what_is_no_master_key_is_refused(server: Server, keys: object, error: type[Exception]) -> None:
    with pytest.raises(error):
        KeyRing.from_storage(server, master_key=keys)  # type: ignore[arg-type]
    assert server.text is None


@pytest.mark.parametrize("between", [" ", ",", "\n", " , "])
def test_master_keys_come_from_a_variable(monkeypatch: pytest.MonkeyPatch, between: str) -> None:
    words = [secrets.token_urlsafe(32) for _ in range(2)]
    monkeypatch.setenv("DAYPASS_MASTER_KEY", between.join(words))
    assert [key.kid for key in master_key_from_env().keys] == [
        MasterKeys(b64url_decode(word.encode())).kid for word in words
    ]


@pytest.mark.parametrize("value", [None, "", "  ", ","])
def test_a_variable_that_is_not_set_is_named(monkeypatch: pytest.MonkeyPatch, value: str | None) -> None:
    monkeypatch.delenv("MY_MASTER_KEY", raising=False)
    if value is not None:
        monkeypatch.setenv("MY_MASTER_KEY", value)
    with pytest.raises(ConfigurationError, match=r"MY_MASTER_KEY|1 to 8 master keys"):
        master_key_from_env("MY_MASTER_KEY")


# ------------------------------------------------------------------------------------------------ in no traceback


def test_no_error_shows_the_master_key_or_what_is_wrapped(server: Server) -> None:
    KeyRing.from_storage(server, master_key=PLANTED).close()
    sealed = server.text
    assert sealed is not None
    for text in (sealed[:-1], b"spoilt", json.dumps(ring_document()).encode()):
        server.put(text)
        shows_nothing(partial(KeyRing.from_storage, server, master_key=PLANTED), ConfigurationError)
    server.put(sealed)
    shows_nothing(partial(KeyRing.from_storage, server, master_key=PLANTED, name="other"), ConfigurationError)
    open_ring(server := Server()).close()
    shows_nothing(partial(KeyRing.from_storage, server, master_key=PLANTED), ConfigurationError)
    for wrong in (PLANTED[:31], PLANTED + b"x", [PLANTED, 7], [PLANTED, b"x"], [PLANTED, JWK.generate("HS256")]):
        load = partial(KeyRing.from_storage, Server(), master_key=wrong)  # type: ignore[arg-type]
        with pytest.raises((ConfigurationError, TypeError)) as caught:
            load()
        for text in frames_below(caught.value):
            assert_silent(text)
    with KeyRing.in_memory() as ring, pytest.raises(ConfigurationError) as caught:
        ring.copy_to(Server(), master_key=[PLANTED, b"x"])
    for text in frames_below(caught.value):
        assert_silent(text)


def frames_below(error: BaseException) -> list[str]:
    """Frames below this file: its own hold the secret that is planted."""
    seen: BaseException | None = error
    while seen is not None:
        if seen.__traceback__ is not None and seen.__traceback__.tb_frame.f_code.co_filename == __file__:
            seen.__traceback__ = seen.__traceback__.tb_next
        seen = seen.__context__
    return list(frames_of(error))


def test_no_error_of_the_place_shows_what_was_about_to_be_written(server: Server) -> None:
    server.put(None)
    with KeyRing.from_storage(server, master_key=PLANTED) as ring:
        server.fault = StoreUnavailable("away")
        shows_nothing(ring.rotate, StoreUnavailable)
        server.fault = None


@pytest.mark.parametrize("cut", [5, 42])
def test_a_variable_with_half_a_key_is_not_shown(monkeypatch: pytest.MonkeyPatch, cut: int) -> None:
    spelt = b64url_encode(PLANTED)
    monkeypatch.setenv("DAYPASS_MASTER_KEY", spelt[:cut])
    shows_nothing(master_key_from_env)
    monkeypatch.setenv("DAYPASS_MASTER_KEY", f"{spelt} {'x' * 43}")
    shows_nothing(master_key_from_env)


def test_what_can_be_printed_shows_nothing(server: Server) -> None:
    keys = MasterKeys(PLANTED)
    place = WrappedStorage(server, keys, name="daypass")
    with KeyRing.from_storage(server, master_key=keys) as ring:
        for thing in (keys, place, ring):
            assert_silent(f"{thing!r} {thing}")
        assert_silent(ring.describe())
        for thing in (keys, place, ring):
            with pytest.raises(TypeError):
                pickle.dumps(thing)


# ------------------------------------------------------------------------------------------------ another place


def test_a_ring_that_its_place_has_lost_is_copied_back_by_a_process_that_runs(server: Server) -> None:
    with open_ring(server) as ring:
        before = kids(ring)
        server.put(None)
        ring.reread()
        assert kids(ring) == before
        assert "gone" in ring.describe()
        with pytest.raises(ConfigurationError, match="gone"):
            ring.rotate()
        with pytest.raises(ConfigurationError, match="master key"):
            ring.copy_to(server)
        ring.copy_to(server, master_key=OLD)
        assert kids(open_ring(server)) == before
        with pytest.raises(ConfigurationError, match="there already"):
            ring.copy_to(server, master_key=OLD)


def test_where_sessions_hang_on_a_ring_none_is_made(server: Server) -> None:
    with pytest.raises(ConfigurationError, match="gone"):
        KeyRing.from_storage(server, master_key=OLD, may_create=False)
    assert server.text is None


def test_a_database_keeps_a_ring_that_it_cannot_read(tmp_path: Path) -> None:
    with closing(open_store(f"sqlite:///{tmp_path}/x.db")) as store:
        with KeyRing.from_storage(store.ring_storage(), master_key=OLD, alg="HS256") as ring:
            ring.rotate(at_once=True)
            before = kids(ring)
        with KeyRing.from_storage(store.ring_storage(), master_key=OLD) as ring:
            assert kids(ring) == before
        with pytest.raises(ConfigurationError, match="another master key"):
            KeyRing.from_storage(store.ring_storage(), master_key=NEW)
    raw = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"daypass-ring" not in raw  # it is in the header, encoded
    for kid in before:
        assert kid.encode() not in raw
