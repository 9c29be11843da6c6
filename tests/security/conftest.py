"""What the tests of attacks share."""

import pytest

from tests.security.primitives import count_primitives


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The primitives that were reached, in order."""
    return count_primitives(monkeypatch)
