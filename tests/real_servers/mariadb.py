"""MariaDB: one server a test run, one database a test."""

import itertools
import os
from typing import Any

from tests.real_servers.programs import program
from tests.real_servers.server import Server

PASSWORD = "a password of the tests"
NUMBERS = itertools.count()
USERS = f"""\
CREATE USER IF NOT EXISTS 'daypass'@'127.0.0.1' IDENTIFIED BY '{PASSWORD}';
GRANT ALL PRIVILEGES ON *.* TO 'daypass'@'127.0.0.1';
"""


class MariaDB(Server):
    """MariaDB with small buffers, each commit written; it waits for the disk only where it is durable."""

    name = "mariadb"
    users = ("mysql",)

    def prepare(self) -> None:
        (self.folder / "users.sql").write_text(USERS)
        (self.folder / "users.sql").chmod(0o644)
        self.run(
            program("mariadb-install-db"), "--no-defaults", f"--datadir={self.folder / 'data'}", "--skip-test-db",
            "--auth-root-authentication-method=normal", "--skip-name-resolve", "--innodb-log-file-size=8M",
            "--innodb-flush-method=nosync", "--innodb-buffer-pool-size=16M",
        )  # fmt: skip

    def command(self) -> list[str]:
        return [
            program("mariadbd"), "--no-defaults", f"--datadir={self.folder / 'data'}", f"--port={self.port}",
            "--bind-address=127.0.0.1", f"--socket={self.folder / 'socket'}", f"--pid-file={self.folder / 'pid'}",
            f"--tmpdir={self.folder}", f"--init-file={self.folder / 'users.sql'}", "--skip-name-resolve",
            "--skip-log-bin", "--performance-schema=OFF", "--max-connections=250", "--innodb-buffer-pool-size=64M",
            "--innodb-log-file-size=8M", "--innodb-flush-log-at-trx-commit=1", "--character-set-server=utf8mb4",
            "--innodb-buffer-pool-dump-at-shutdown=OFF", "--innodb-fast-shutdown=1",
            f"--innodb-flush-method={'fsync' if self.durable else 'nosync'}",
        ]  # fmt: skip

    def answers(self) -> bool:
        with self.connect() as connection, connection.cursor() as cursor:
            cursor.execute("SELECT 1")
            return cursor.fetchone() == (1,)

    def connect(self, database: str | None = None, **words: Any) -> Any:
        """Connect with the bare driver; each statement commits."""
        import pymysql

        return pymysql.connect(
            host="127.0.0.1", port=self.port, user="daypass", password=PASSWORD, database=database, autocommit=True,
            connect_timeout=5, **words,
        )  # fmt: skip

    @property
    def url(self) -> str:
        return self.url_of("mysql")

    def url_of(self, database: str) -> str:
        return f"mysql://daypass:{PASSWORD.replace(' ', '%20')}@127.0.0.1:{self.port}/{database}"

    def new_database(self) -> str:
        """Make an empty database; return its name."""
        name = f"t{os.getpid()}_{next(NUMBERS)}"
        with self.connect() as connection, connection.cursor() as cursor:
            cursor.execute(f"CREATE DATABASE {name}")
        return name

    def drop_database(self, name: str) -> None:
        """Remove a database; who holds a lock in it is thrown out first."""
        with self.connect() as connection, connection.cursor() as cursor:
            cursor.execute("SELECT id FROM information_schema.processlist WHERE db = %s", (name,))
            for (number,) in cursor.fetchall():
                try:
                    cursor.execute(f"KILL CONNECTION {number}")
                except connection.Error:  # it has gone by itself
                    continue
            cursor.execute(f"DROP DATABASE IF EXISTS {name}")
