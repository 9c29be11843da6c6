"""Settings: the command line before the environment before the defaults, and one line for what is wrong."""

from pathlib import Path

import pytest

from daypass.errors import ConfigurationError
from daypass.server.settings import KEYS_VARIABLE, Settings, read_settings


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DATA", "HOST", "PORT", "BEHIND_TLS", "ISSUER", "KEYS"):
        monkeypatch.delenv(f"DAYPASS_{name}", raising=False)


def test_the_defaults() -> None:
    settings = read_settings()
    assert (settings.host, settings.port, settings.data) == ("127.0.0.1", 8000, Path("daypass-data"))
    assert settings.database_url == f"sqlite:///{Path.cwd()}/daypass-data/daypass.db"
    assert settings.keys == Path("daypass-data/daypass.keys.json")
    assert not settings.keys_from_environment


def test_the_environment_and_the_command_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAYPASS_DATA", "/srv/pass")
    monkeypatch.setenv("DAYPASS_PORT", "8123")
    monkeypatch.setenv(KEYS_VARIABLE, "a secret that no setting holds")
    settings = read_settings(port=9000)
    assert (settings.data, settings.port) == (Path("/srv/pass"), 9000)
    assert settings.keys_from_environment
    assert "secret" not in f"{settings!r} {settings} {vars(settings)} {settings.model_dump()}"


@pytest.mark.parametrize("port", ["http", "-1", "65536"])
def test_a_wrong_value_is_named_by_its_option(port: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAYPASS_PORT", port)
    with pytest.raises(ConfigurationError, match=r"^port \(--port or DAYPASS_PORT\): ") as caught:
        read_settings()
    assert "\n" not in str(caught.value)


def test_what_has_no_option_is_named_by_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAYPASS_ISSUER", "x" * 256)
    with pytest.raises(ConfigurationError, match=r"^issuer \(DAYPASS_ISSUER\): "):
        read_settings()


def test_an_empty_variable_is_as_good_as_none(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DATA", "HOST", "PORT", "BEHIND_TLS", "ISSUER"):
        monkeypatch.setenv(f"DAYPASS_{name}", "")
    settings = read_settings()
    assert (settings.data, settings.host, settings.port) == (Path("daypass-data"), "127.0.0.1", 8000)
    assert (settings.behind_tls, settings.issuer) == (False, "daypass")
    with pytest.raises(ConfigurationError, match=r"^host "):
        read_settings(host="")
    monkeypatch.setenv(KEYS_VARIABLE, "")  # a secret that got lost is no wish for another ring
    assert settings.keys_from_environment


@pytest.mark.parametrize(
    "host, expected",
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("192.168.1.2", False),
        ("example.com", False),
        ("localhost.example.com", False),
    ],
)
def test_what_is_this_machine_alone(host: str, expected: bool) -> None:
    assert Settings(host=host).is_loopback is expected


def test_the_url_is_that_of_the_port_that_was_taken() -> None:
    assert Settings(port=0).url(4711) == "http://127.0.0.1:4711"
    assert Settings(host="::1").url(80) == "http://[::1]:80"
