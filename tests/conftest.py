"""Fixtures shared by all tests: where the real data lies."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


def missing(what: str) -> None:
    """Skip a test that needs `what`; with SLUICE_REQUIRE_ALL=1 (continuous integration) fail it instead."""
    if os.environ.get("SLUICE_REQUIRE_ALL") == "1":
        pytest.fail(f"{what} is required here (SLUICE_REQUIRE_ALL=1)")
    pytest.skip(what)


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of real pages that SLUICE_DATA names."""
    value = os.environ.get("SLUICE_DATA")
    if not value or not Path(value).is_dir():
        missing("SLUICE_DATA does not name a folder of real data")
    return Path(str(value)).resolve()


@pytest.fixture(scope="session", params=["warc", "lines"])
def hostile_run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run over pages that attack whoever looks at them, from WARC and from JSON lines; see tests/hostile_run.py.

    Tests that ask for it belong to xdist's group `hostile`, so that it is made once.
    """
    from tests.hostile_run import run_hostile, write_hostile_lines, write_hostile_warc

    folder = tmp_path_factory.mktemp(f"hostile-{request.param}")
    write = {"warc": write_hostile_warc, "lines": write_hostile_lines}[request.param]
    return run_hostile(folder, write(folder))
