"""Where the programs of the servers are, as whom they run, and what is free for them."""

import os
import pwd
import random
import shutil
import socket
import tempfile
from collections.abc import Iterable
from pathlib import Path

import pytest

# Debian keeps servers out of the PATH of users, and PostgreSQL in a folder of its version.
FOLDERS = (
    "/usr/sbin",
    "/usr/local/sbin",
    "/usr/local/bin",
    *sorted(map(str, Path("/usr/lib/postgresql").glob("*/bin"))),
)
# Below what Linux gives to clients: a connection that is being made cannot take the port of a server that restarts.
PORTS = range(15_000, 32_000)
TMPFS = Path("/dev/shm")
TMPFS_FREE_BYTES_MIN = 2 << 30
FOLDER_VARIABLE = "DAYPASS_TEST_SERVERS_IN"


def program(name: str) -> str:
    """Find a program, or skip the test that asked for it, naming the command that installs it."""
    found = shutil.which(name) or shutil.which(name, path=os.pathsep.join(FOLDERS))
    if found is None:
        pytest.skip(f"{name} is not installed: make servers")
    return found  # as it is named: redis-server is a link, and goes by its name


def user_for(names: Iterable[str]) -> pwd.struct_passwd | None:
    """Choose as whom a server runs: nobody in particular, or, where this is root, the first of the names there is."""
    if os.geteuid() != 0:
        return None
    for name in (*names, "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise RuntimeError("there is no user that a server could run as")


def free_port() -> int:
    """Find a port on 127.0.0.1 that nobody has."""
    for _ in range(200):
        port = random.choice(PORTS)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise RuntimeError("no port is free")


def new_folder(name: str, owner: pwd.struct_passwd | None) -> Path:
    """Make the data folder of a server: where DAYPASS_TEST_SERVERS_IN says, in memory, or among temporary files."""
    place = os.environ.get(FOLDER_VARIABLE)
    if place is None and TMPFS.is_dir() and shutil.disk_usage(TMPFS).free >= TMPFS_FREE_BYTES_MIN:
        place = str(TMPFS)
    folder = Path(tempfile.mkdtemp(prefix=f"daypass-{name}-", dir=place))
    if owner is not None:
        os.chown(folder, owner.pw_uid, owner.pw_gid)
    return folder
