import fcntl
import os
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from daypass.errors import ConfigurationError, StoreUnavailable
from daypass.keyring import file as file_module
from daypass.keyring.file import FileStorage
from daypass.keyring.storage import RingText
from daypass.limits import RING_BYTES_MAX

OLD, NEW = RingText(b"old" * 1000), RingText(b"new" * 1000)


@pytest.fixture
def storage(tmp_path: Path) -> FileStorage:
    storage = FileStorage(tmp_path / "ring.json")
    with storage.lock():
        storage.write(OLD)
    return storage


def text_of(storage: FileStorage) -> bytes:
    text = storage.read()
    assert text is not None
    return text.reveal()


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_there_is_nothing_at_first(tmp_path: Path) -> None:
    storage = FileStorage(tmp_path / "ring.json")
    assert storage.read() is None
    assert list(tmp_path.iterdir()) == []


def test_a_write_is_read_again_and_is_private(storage: FileStorage) -> None:
    assert text_of(storage) == OLD.reveal()
    assert mode(storage.path) == 0o600
    assert mode(storage.path.with_name("ring.json.lock")) == 0o600
    assert sorted(path.name for path in storage.path.parent.iterdir()) == ["ring.json", "ring.json.lock"]


@pytest.mark.parametrize("umask", [0o000, 0o777])
def test_the_mode_does_not_hang_on_the_umask(storage: FileStorage, umask: int) -> None:
    before = os.umask(umask)
    try:
        storage.write(NEW)
    finally:
        os.umask(before)
    assert mode(storage.path) == 0o600


def test_the_path_survives_a_change_of_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    storage = FileStorage("ring.json")
    monkeypatch.chdir("/")
    assert storage.location == str(tmp_path / "ring.json")


def test_each_write_is_another_version(storage: FileStorage) -> None:
    versions = {storage.version()}
    for text in (NEW, OLD, OLD):
        storage.write(text)
        versions.add(storage.version())
    assert len(versions) == 4
    assert storage.version() in versions
    storage.path.unlink()
    assert storage.version() not in versions


def test_a_clock_stepped_back_hides_no_write(storage: FileStorage, monkeypatch: pytest.MonkeyPatch) -> None:
    times = []
    monkeypatch.setattr(time, "time_ns", lambda: 5)
    for text in (NEW, OLD, NEW):
        storage.write(text)
        times.append(storage.path.stat().st_mtime_ns)
    assert times == sorted(set(times))


def test_a_change_of_mode_is_another_version(storage: FileStorage) -> None:
    before = storage.version()
    storage.path.chmod(0o644)
    assert storage.version() != before


# ------------------------------------------------------------------------------------------------ not private


@pytest.mark.parametrize("bits", [0o640, 0o604, 0o620, 0o602, 0o610, 0o601, 0o666, 0o777])
def test_a_file_that_others_may_open_is_refused_with_the_remedy(storage: FileStorage, bits: int) -> None:
    storage.path.chmod(bits)
    with pytest.raises(ConfigurationError, match=f"chmod 600 {storage.path}") as caught:
        storage.read()
    assert f"{bits:04o}" in str(caught.value)


@pytest.mark.parametrize("which", ["ring.json", "ring.json.lock"])
def test_a_file_of_another_user_is_refused(storage: FileStorage, which: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    use = storage.read if which == "ring.json" else storage.lock().__enter__
    with pytest.raises(ConfigurationError, match=f"{which} is owned by another user"):
        use()


def test_a_lock_that_others_could_hold_is_refused(storage: FileStorage) -> None:
    storage.path.with_name("ring.json.lock").chmod(0o644)
    with pytest.raises(ConfigurationError, match=r"chmod 600 .*\.lock"), storage.lock():
        raise AssertionError


def test_a_symbolic_link_is_refused_everywhere(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_bytes(b"theirs")
    target.chmod(0o600)
    for name in ("ring.json", "ring.json.lock"):
        (tmp_path / name).symlink_to(target)
    storage = FileStorage(tmp_path / "ring.json")
    with pytest.raises(ConfigurationError, match="symbolic link"):
        storage.read()
    with pytest.raises(ConfigurationError, match="symbolic link"), storage.lock():
        raise AssertionError
    assert target.read_bytes() == b"theirs"


def test_a_planted_link_is_not_written_through(storage: FileStorage, tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_bytes(b"theirs")
    for name in ("ring.json", "ring.json.new"):
        (tmp_path / name).unlink(missing_ok=True)
        (tmp_path / name).symlink_to(target)
    storage.write(NEW)
    assert target.read_bytes() == b"theirs"
    assert not storage.path.is_symlink()
    assert text_of(storage) == NEW.reveal()


def test_a_dangling_link_is_not_followed_into_a_new_file(tmp_path: Path) -> None:
    (tmp_path / "ring.json").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ConfigurationError, match="symbolic link"):
        FileStorage(tmp_path / "ring.json").read()
    assert not (tmp_path / "elsewhere").exists()


def test_a_folder_or_a_pipe_is_no_ring_and_holds_nobody_up(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe", 0o600)
    for name in ("folder", "pipe"):
        with pytest.raises(ConfigurationError, match="no plain file"):
            FileStorage(tmp_path / name).read()


def test_a_file_that_is_too_large_is_refused(storage: FileStorage) -> None:
    with storage.path.open("wb") as file:
        file.truncate(RING_BYTES_MAX + 1)
    with pytest.raises(ConfigurationError, match=str(RING_BYTES_MAX)):
        storage.read()


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    storage = FileStorage(tmp_path / "no" / "ring.json")
    assert storage.read() is None
    with pytest.raises(ConfigurationError, match="folder does not exist"), storage.lock():
        raise AssertionError
    with pytest.raises(ConfigurationError, match="folder does not exist"):
        storage.write(NEW)


def test_a_file_where_the_folder_should_be(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match="not in a folder"):
        FileStorage(tmp_path / "file" / "ring.json").read()


# ---------------------------------------------------------------------------------------- a write that fails


FULL_DISK = """
import resource, sys
from pathlib import Path
from daypass.errors import StoreUnavailable
from daypass.keyring.file import FileStorage
from daypass.keyring.storage import RingText

storage = FileStorage(Path(sys.argv[1]) / "ring.json")
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))  # no file of this process grows beyond
storage.write(RingText(b"old"))
try:
    storage.write(RingText(b"x" * 5000))
except StoreUnavailable as error:
    print(error)
"""


def test_a_full_disk_leaves_the_old_file_whole_and_nothing_beside_it(tmp_path: Path) -> None:
    # In a process of its own: the limit would hit whatever file the output of the tests goes to.
    words = [sys.executable, "-c", FULL_DISK, str(tmp_path)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=30, check=True)
    assert "cannot be read or written" in done.stdout
    assert (tmp_path / "ring.json").read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["ring.json"]


@pytest.mark.parametrize("name", ["fsync", "write", "fchmod", "replace"])
def test_whatever_fails_on_the_way_the_old_file_is_whole(
    storage: FileStorage, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    def fail(*_: object) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, name, fail) if name != "replace" else monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(StoreUnavailable, match="Input/output error"):
        storage.write(NEW)
    monkeypatch.undo()
    assert text_of(storage) == OLD.reveal()
    assert not storage.path.with_name("ring.json.new").exists()


def test_a_read_that_fails_may_pass(storage: FileStorage, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(os, "open", fail)
    with pytest.raises(StoreUnavailable, match="Too many open files"):
        storage.read()


KILLED = """
import os, signal, sys
from pathlib import Path
from daypass.keyring.file import FileStorage
from daypass.keyring.storage import RingText

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

storage = FileStorage(sys.argv[1])
with storage.lock():
    if sys.argv[2] == "replace":
        Path.replace = die
    else:
        setattr(os, sys.argv[2], die)
    storage.write(RingText(b"new" * 1000))
"""


@pytest.mark.parametrize("moment", ["write", "fsync", "replace"])
def test_a_writer_that_is_killed_leaves_the_old_file_and_no_lock(storage: FileStorage, moment: str) -> None:
    done = subprocess.run([sys.executable, "-c", KILLED, storage.location, moment], check=False)
    assert done.returncode == -9
    assert storage.path.with_name("ring.json.new").exists()
    assert text_of(storage) == OLD.reveal()
    with storage.lock():
        storage.write(NEW)
    assert text_of(storage) == NEW.reveal()
    assert not storage.path.with_name("ring.json.new").exists()


# --------------------------------------------------------------------------------------------------- the lock


def test_whoever_waits_too_long_for_the_lock_is_told(storage: FileStorage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_module, "RING_LOCK_WAIT_S_MAX", 0)
    with (
        storage.lock(),
        pytest.raises(StoreUnavailable, match=r"ring\.json\.lock"),
        FileStorage(storage.path).lock(),
    ):
        raise AssertionError
    with storage.lock():
        pass


def test_the_lock_is_free_after_an_error(storage: FileStorage) -> None:
    for _ in range(3):
        with pytest.raises(ZeroDivisionError), storage.lock():
            raise ZeroDivisionError


def test_a_lock_file_that_was_deleted_keeps_nobody_apart_and_is_not_used(
    storage: FileStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = storage.path.with_name("ring.json.lock")
    taken: list[int] = []

    def flock(descriptor: int, how: int) -> None:
        if how != fcntl.LOCK_UN and not taken:
            path.unlink()  # between our open and our lock
            taken.append(descriptor)
        real(descriptor, how)

    real = fcntl.flock
    monkeypatch.setattr(fcntl, "flock", flock)
    with storage.lock():
        held = path.stat()
        fresh = os.open(path, os.O_RDWR)
        with pytest.raises(BlockingIOError):
            real(fresh, fcntl.LOCK_EX | fcntl.LOCK_NB)
        assert os.fstat(fresh).st_ino == held.st_ino
        os.close(fresh)


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="needs /proc")
def test_nothing_stays_open(storage: FileStorage) -> None:
    before = open_files()
    for _ in range(20):
        with storage.lock():
            storage.write(NEW)
        storage.read()
        storage.path.chmod(0o644)
        with pytest.raises(ConfigurationError):
            storage.read()
        storage.path.chmod(0o600)
    assert open_files() == before
