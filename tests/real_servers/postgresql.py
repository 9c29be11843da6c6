"""PostgreSQL: one cluster of databases a test run, one database a test."""

import itertools
import os
import signal
from typing import Any

from tests.real_servers.programs import program
from tests.real_servers.server import Server

PASSWORD = "a password of the tests"
NUMBERS = itertools.count()


class PostgreSQL(Server):
    """PostgreSQL with a password; ``synchronous_commit`` always, ``fsync`` only where it is durable."""

    name = "postgresql"
    users = ("postgres",)
    stop_signal = signal.SIGINT  # "fast": it waits for no client

    def prepare(self) -> None:
        secret = self.folder / "password"
        secret.write_text(PASSWORD)
        secret.chmod(0o644)
        self.run(
            program("initdb"), "-D", str(self.folder / "data"), "-U", "daypass", f"--pwfile={secret}",
            "-A", "scram-sha-256", "-E", "UTF8", "--locale=C", "--no-sync", "--no-instructions",
        )  # fmt: skip

    def command(self) -> list[str]:
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": self.port,
            "unix_socket_directories": "",
            "max_connections": 250,
            "shared_buffers": "64MB",
            "dynamic_shared_memory_type": "mmap",  # no /dev/shm of a container is too small for it
            "fsync": "on" if self.durable else "off",
            "synchronous_commit": "on",
            "full_page_writes": "on",
            "autovacuum": "on",
            "log_min_messages": "warning",
        }
        words = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        return [program("postgres"), "-D", str(self.folder / "data"), *words]

    def answers(self) -> bool:
        with self.connect() as connection:
            return connection.execute("SELECT 1").fetchone() == (1,)

    def connect(self, database: str = "postgres", **words: Any) -> Any:
        """Connect with the bare driver; each statement commits."""
        import psycopg

        return psycopg.connect(
            host="127.0.0.1", port=self.port, user="daypass", password=PASSWORD, dbname=database, autocommit=True,
            connect_timeout=5, **words,
        )  # fmt: skip

    @property
    def url(self) -> str:
        return self.url_of("postgres")

    def url_of(self, database: str) -> str:
        return f"postgresql://daypass:{PASSWORD.replace(' ', '%20')}@127.0.0.1:{self.port}/{database}"

    def new_database(self) -> str:
        """Make an empty database; return its name."""
        name = f"t{os.getpid()}_{next(NUMBERS)}"
        with self.connect() as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE template0")
        return name

    def drop_database(self, name: str) -> None:
        """Remove a database, whoever is connected."""
        with self.connect() as connection:
            connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
