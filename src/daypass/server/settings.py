"""What the service can be told.

Enters: the command line, else ``DAYPASS_*`` of the environment. Leaves: Settings.

No setting is a secret: a key that comes from the environment is read by the key ring itself, and only the
fact that it is there is noted here.
"""

from __future__ import annotations

import ipaddress
import os
from pathlib import Path
from typing import Any, Final

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from daypass.errors import ConfigurationError

__all__ = ["KEYS_VARIABLE", "Settings", "read_settings"]

KEYS_VARIABLE: Final = "DAYPASS_KEYS"
"""Where a key ring, a key or a secret may stand instead of the file in the data folder."""


class Settings(BaseSettings):
    """The settings of one service and of the commands that work beside it; an empty variable is as good as none.

    Args:
        data: the folder of the database and the key ring.
        host: the address to listen on.
        port: 0 for any free one.
        behind_tls: the operator's word that a proxy in front of the service speaks TLS.
        issuer: the ``iss`` and, for now, the ``aud`` of access tokens.
    """

    model_config = SettingsConfigDict(
        env_prefix="DAYPASS_", env_ignore_empty=True, extra="ignore", frozen=True, hide_input_in_errors=True
    )

    data: Path = Path("daypass-data")
    host: str = Field(default="127.0.0.1", min_length=1)
    port: int = Field(default=8000, ge=0, le=65_535)
    behind_tls: bool = False
    issuer: str = Field(default="daypass", min_length=1, max_length=255)

    @property
    def database(self) -> Path:
        """The SQLite database: accounts and sessions."""
        return self.data / "daypass.db"

    @property
    def database_url(self) -> str:
        """The same for ``Sessions.open`` and ``open_store``."""
        return f"sqlite:///{self.database.absolute()}"

    @property
    def keys(self) -> Path:
        """The key ring, unless it comes from the environment."""
        return self.data / "daypass.keys.json"

    @property
    def keys_from_environment(self) -> bool:
        """Whether the keys come from KEYS_VARIABLE."""
        return KEYS_VARIABLE in os.environ

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach the service."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    def url(self, port: int) -> str:
        """Say where the service is reached from this machine, without a slash at the end.

        Args:
            port: the one that was taken, also where the setting says any.
        """
        return f"http://{f'[{self.host}]' if ':' in self.host else self.host}:{port}"


def read_settings(
    *,
    data: Path | None = None,
    host: str | None = None,
    port: int | None = None,
    behind_tls: bool | None = None,
) -> Settings:
    """Put the settings together: what is given here wins over the environment.

    Raises:
        ConfigurationError: a value is out of its range, or of another type.
    """
    words = {"data": data, "host": host, "port": port, "behind_tls": behind_tls}
    given: dict[str, Any] = {name: word for name, word in words.items() if word is not None}
    try:
        return Settings(**given)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
    name = str(first["loc"][0])
    option = f"--{name.replace('_', '-')} or " if name in words else ""
    raise ConfigurationError(f"{name} ({option}DAYPASS_{name.upper()}): {first['msg']}")
