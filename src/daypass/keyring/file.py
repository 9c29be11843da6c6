"""A ring in a file that only its owner can read. Enters and leaves: the text of a ring.

A reader finds the old text or the new one, whatever happens to the writer: the text goes to ``<path>.new``,
then to the disk, then over the old file. Writers of all processes take turns by a lock on ``<path>.lock``,
which is never deleted. POSIX only (flock, O_NOFOLLOW).
Source: DESIGN.md 5 (key ring).
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import time
from collections.abc import Hashable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, final

from daypass.errors import ConfigurationError, DaypassError, StoreUnavailable
from daypass.keyring.storage import RingText
from daypass.limits import RING_BYTES_MAX, RING_LOCK_WAIT_S_MAX

__all__ = ["FileStorage"]

_MODE: Final = 0o600
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO
# O_NONBLOCK: a pipe that was put in the place of the file must not hold the reader up.
_OPEN: Final = os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
_LOCK_RETRY_S: Final = 0.02
_REASONS: Final = {
    errno.ELOOP: "is a symbolic link: give the path of the file itself",
    errno.ENOENT: "cannot be made: its folder does not exist; make that first",
    errno.ENOTDIR: "is not in a folder",
    errno.EISDIR: "is a folder",
    errno.ENXIO: "is no plain file",
    errno.EACCES: "may not be opened by this user",
    errno.EPERM: "may not be changed by this user",
    errno.EROFS: "is on a file system that is read-only",
}
"""What the person who set it up has to put right; every other error of the system may pass."""


@final
class FileStorage:
    """Keep a ring in a file of mode 0600, owned by the user of this process.

    Args:
        path: of the file; its folder exists, and is on a file system with working locks.
    """

    __slots__ = ("path",)

    is_remote = False

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path).absolute()

    @property
    def location(self) -> str:
        """The absolute path."""
        return str(self.path)

    def version(self) -> Hashable:
        """Ask the file system for what changes with each write: a write is always a new file."""
        try:
            found = self.path.lstat()
        except OSError as error:
            return error.errno
        return (
            found.st_ino,
            found.st_size,
            found.st_mtime_ns,
            found.st_ctime_ns,
            found.st_mode,
            found.st_uid,
        )

    def read(self) -> RingText | None:
        """Read the file; None where there is none.

        Raises:
            ConfigurationError: others can read it, another user owns it, it is no plain file, or it is too
                large.
            StoreUnavailable: the system cannot read it now.
        """
        try:
            return self._read()
        except FileNotFoundError:
            return None
        except OSError as error:
            problem = _refusal(self.path, error)
        raise problem

    def _read(self) -> RingText:
        descriptor = os.open(self.path, os.O_RDONLY | _OPEN)
        try:
            _check_private(self.path, os.fstat(descriptor))
            with os.fdopen(descriptor, "rb", closefd=False) as file:
                text = RingText(file.read(RING_BYTES_MAX + 1))
        finally:
            os.close(descriptor)
        if len(text) > RING_BYTES_MAX:
            raise ConfigurationError(f"{self.path} is no key ring: it has more than {RING_BYTES_MAX} bytes")
        return text

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Keep other threads and processes from writing.

        Raises:
            ConfigurationError: the lock file cannot be made, or others can hold it.
            StoreUnavailable: another process has held it for RING_LOCK_WAIT_S_MAX seconds.
        """
        path = self.path.with_name(f"{self.path.name}.lock")
        try:
            descriptor = _lock(path)
        except OSError as error:
            problem = _refusal(path, error)
        else:
            try:
                yield
            finally:
                # Not by closing alone: a child that was forked meanwhile has a copy, which would hold the lock.
                fcntl.flock(descriptor, fcntl.LOCK_UN)
                os.close(descriptor)
            return
        raise problem

    def write(self, text: RingText) -> None:
        """Replace the file in one step, and only once the new text is on the disk.

        Raises:
            ConfigurationError: the folder may not be written to.
            StoreUnavailable: the system cannot write now (a full disk, say).
        """
        fresh = self.path.with_name(f"{self.path.name}.new")
        try:
            fresh.unlink(missing_ok=True)  # of a writer that died: whoever holds the lock is the only one alive
            _write_whole(fresh, text, later_than_ns=_modified_ns(self.path))
            fresh.replace(self.path)
            _sync_folder(self.path.parent)
        except OSError as error:
            problem = _refusal(self.path, error)
        else:
            return
        with suppress(OSError):
            fresh.unlink()
        raise problem

    def __repr__(self) -> str:
        return f"<FileStorage: {getattr(self, 'path', 'no path')}>"


def _lock(path: Path) -> int:
    """Wait for the lock; return the descriptor that holds it. Raises OSError or DaypassError."""
    give_up_at = time.monotonic() + RING_LOCK_WAIT_S_MAX
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | _OPEN, _MODE)
        held = False
        try:
            _check_private(path, os.fstat(descriptor))
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Whoever deleted the lock file let somebody else lock a new one: ours would keep nobody out.
            held = os.path.samestat(os.fstat(descriptor), path.lstat())
        except (BlockingIOError, FileNotFoundError):
            pass
        finally:
            if not held:
                os.close(descriptor)
        if held:
            return descriptor
        if time.monotonic() >= give_up_at:
            raise StoreUnavailable(f"another process has held {path} for {RING_LOCK_WAIT_S_MAX} s: is it hanging?")
        time.sleep(_LOCK_RETRY_S)


def _check_private(path: Path, found: os.stat_result) -> None:
    """Refuse a file that somebody else could have written, or can read. Raises ConfigurationError."""
    if not stat.S_ISREG(found.st_mode):
        raise ConfigurationError(f"{path} is no plain file")
    if found.st_uid != os.geteuid():
        raise ConfigurationError(f"{path} is owned by another user than this process runs as: run as its owner")
    if found.st_mode & _OTHERS:
        raise ConfigurationError(
            f"{path} can be read or written by others (mode {stat.S_IMODE(found.st_mode):04o}):"
            f" chmod 600 {path}, and rotate the keys if somebody may have read them"
        )


def _modified_ns(path: Path) -> int:
    try:
        return path.lstat().st_mtime_ns
    except FileNotFoundError:
        return 0


def _write_whole(path: Path, text: RingText, *, later_than_ns: int) -> None:
    """Write a new file, wait until the disk has it. Raises OSError.

    Its time is that of the write and always later than the old one: inode numbers come back, and the clock of a
    file system is so coarse that two quick writes could look like none to ``version``.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _OPEN, _MODE)
    try:
        os.fchmod(descriptor, _MODE)  # a strict umask would leave a file that nobody can read
        rest = memoryview(text.reveal())  # shows nothing of its bytes
        while rest:
            rest = rest[os.write(descriptor, rest) :]
        written_ns = max(time.time_ns(), later_than_ns + 1)
        os.utime(descriptor, ns=(written_ns, written_ns))
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sync_folder(path: Path) -> None:
    """Wait until the disk has the new name. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _refusal(path: Path, error: OSError) -> DaypassError:
    """Say what the system refused: for ever, or for now."""
    if reason := _REASONS.get(error.errno or 0):
        return ConfigurationError(f"{path} {reason}")
    return StoreUnavailable(f"{path} cannot be read or written: {error.strerror or 'the system refused'}")
