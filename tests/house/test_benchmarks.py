"""Every benchmark starts as a script, from any folder, and the README names none that is not there."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.pipeline.conftest import ROOT

# What has no such line is a part of another script.
SCRIPTS = sorted(
    path for path in (ROOT / "benchmarks").glob("*.py") if '__name__ == "__main__"' in path.read_text("utf-8")
)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_it_starts_anywhere(script: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(script), "--help"], cwd=tmp_path, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("usage: ")


def test_the_readme_names_scripts_that_are_there() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    named = set(re.findall(r"benchmarks/(\w+)\.py", text)) | set(re.findall(r"-m benchmarks\.(\w+)", text))
    there = {path.stem for path in SCRIPTS} | {"extraction"}
    assert named <= there
    assert named >= {"filters", "cascade", "pii", "agreement"}
