"""What holds for every test: repeatable hypothesis runs and, with CI=true, no quietly skipped test."""

import os
from collections.abc import Generator
from pathlib import Path

import pytest
from hypothesis import settings

from tests import vectors
from tests.real_servers.fixtures import (  # noqa: F401 - pytest finds them here
    mariadb,
    mariadb_url,
    memcached,
    memcached_url,
    postgresql,
    postgresql_url,
    redis_cluster,
    redis_cluster_url,
    redis_server,
    redis_url,
    redis_with_password,
    watchdog,
)

CI = os.environ.get("CI", "").lower() in {"1", "true", "yes"}

# A deadline would measure the machine. CI draws the same examples each time: what turns red, the change did.
settings.register_profile("dev", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("ci" if CI else "dev")


@pytest.fixture(scope="session")
def vectors_directory() -> Path:
    """The directory of the shared test vectors."""
    return vectors.directory()


def refuse_skip(report: pytest.TestReport | pytest.CollectReport) -> None:
    """Turn a skip into a failure that keeps its reason: CI has everything that a test may ask for."""
    if report.outcome == "skipped" and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"with CI=true nothing may be skipped, and this was: {reason}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if CI:
        refuse_skip(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    if CI:
        refuse_skip(report)
    return report
