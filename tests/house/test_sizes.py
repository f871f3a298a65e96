"""Files and functions stay small enough to hold in the head."""

from __future__ import annotations

import ast
import statistics
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted(
    path for package in ("filters", "mixes", "train", "pipeline") for path in (ROOT / package).rglob("*.py")
)
EVERYTHING = FILES + sorted((ROOT / "tests").rglob("*.py")) + sorted((ROOT / "benchmarks").rglob("*.py"))


def test_files() -> None:
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in EVERYTHING}
    assert not {str(path): length for path, length in lengths.items() if length > 600}
    assert statistics.median(lengths[path] for path in FILES) <= 200


def test_functions() -> None:
    long = []
    for path in EVERYTHING:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or node.lineno) - node.lineno + 1
                if length > 60:
                    long.append(f"{path.relative_to(ROOT)}:{node.lineno} {node.name} {length}")
    assert not long


def test_every_module_says_what_it_is_for() -> None:
    silent = [
        path
        for path in FILES
        if path.read_text().strip() and not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert not silent


def test_top_level() -> None:
    """The user fixed the top level; beside it only what tools require at the root."""
    tracked = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split("\n")
    top = {name.split("/")[0] for name in tracked if name}
    allowed = {"pyproject.toml", "README.md", "pipeline", "filters", "mixes", "train", "tests", "benchmarks"}
    allowed |= {"Makefile", ".ci", "LICENSE", "CHANGELOG.md", ".gitignore", "constraints.txt"}
    assert top <= allowed


def test_nothing_unfinished() -> None:
    words = ("TO" + "DO", "FIX" + "ME", "NotImplemented" + "Error")
    for path in FILES:
        text = path.read_text(encoding="utf-8")
        assert not [word for word in words if word in text], path
