"""A service in a folder of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from daypass.server.boot import Service, open_service
from daypass.server.settings import Settings
from tests.unit.server.client import EMAIL, PASSWORD, Client, add_account


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    service = open_service(Settings(data=tmp_path / "data"))
    add_account(service, EMAIL, PASSWORD, "editor")
    yield service
    service.close()


@pytest.fixture
def client(service: Service) -> Iterator[Client]:
    client = Client(service)
    yield client
    client.close()
