"""memcached: what it holds ends with it."""

import socket

from tests.real_servers.programs import program
from tests.real_servers.server import Server


class Memcached(Server):
    """memcached with 64 MB, TCP only."""

    name = "memcached"
    users = ("memcache",)

    def command(self) -> list[str]:
        return [program("memcached"), "-l", "127.0.0.1", "-p", str(self.port), "-U", "0", "-m", "64", "-t", "2"]

    def answers(self) -> bool:
        return self.tell("version").startswith("VERSION")

    def flush(self) -> None:
        """Forget everything."""
        assert self.tell("flush_all") == "OK"

    def tell(self, command: str) -> str:
        """Send one line, and return the first of the answer."""
        with (
            socket.create_connection(("127.0.0.1", self.port), 5) as connection,
            connection.makefile("rw", newline="\r\n") as lines,
        ):
            lines.write(f"{command}\n")
            lines.flush()
            return lines.readline().rstrip()

    @property
    def url(self) -> str:
        return f"memcached://127.0.0.1:{self.port}"
