"""The public names of each package, pinned: adding or removing one is a decision, not an accident."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

from filters import FILTERS
from pipeline.dedup.settings import DEDUP_STAGES, LINES_STAGES
from pipeline.road import PUBLIC
from pipeline.stages import STAGES

ROOT = Path(__file__).resolve().parents[2]

SURFACE = {
    "filters": ["FILTERS", "FilterSpec", "Rule", "Signal", "Verdict", "catalogue"],
    "pipeline.store": ["CommitError", "Folder", "canonical", "fingerprint", "open_folder", "sha256_file"],
    "pipeline.stages": ["STAGES", "Stage"],
    "pipeline.sample": [
        "CaseScore",
        "DEFAULT_PAGES",
        "MIN_PAGES",
        "Summary",
        "score",
        "truth_path",
        "write_sample",
    ],
}


@pytest.mark.parametrize("package", sorted(SURFACE))
def test_exported_names(package: str) -> None:
    module = importlib.import_module(package)
    assert sorted(module.__all__) == SURFACE[package]
    assert all(hasattr(module, name) for name in module.__all__)


def test_tables() -> None:
    assert list(FILTERS) == [
        "url",
        "optout",
        "language",
        "line_languages",
        "stop_words",
        "gopher_repetition",
        "gopher_quality",
        "c4",
        "fineweb",
        "domain",
        "topics",
        "scores",
        "quality",
        "pii",
        "datatrove",
        "rpv2",
        "nemo",
        "code",
        "dirty",
        "outliers",
        "blocklist",
        "url_words",
        "bad_words",
        "importance",
        "perplexity",
        "toxicity",
        "gopher_dolma",
        "c4_dolma",
        "gopher_dclm",
        "refinedweb_lines",
        "madlad",
        "ccnet",
        "contamination",
    ]


def test_stages() -> None:
    assert list(STAGES) == [
        "ids",
        "extract",
        "robots",
        "hosts",
        "sample",
        "calibrate",
        "filter",
        "signatures",
        "groups",
        "components",
        "members",
        "verify",
        "dedup",
        "line_keys",
        "repeated_lines",
        "cut_lines",
        "corpus",
        "tokenizer",
        "tokens",
        "train",
        "anneal",
        "eval",
    ]
    internal = {"ids", "robots", "hosts", "sample", "calibrate", *DEDUP_STAGES, *LINES_STAGES} - {"dedup"}
    assert [name for name in PUBLIC if name != "report"] == [name for name in STAGES if name not in internal]


def test_every_public_function_is_named_in_a_test() -> None:
    """Public functions of the ground floor, the mixes and the filters' entry points have a test that speaks of them."""
    tests = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    for package in SURFACE:
        silent = [name for name in SURFACE[package] if name not in tests]
        assert not silent, f"{package}: {silent}"


@pytest.mark.parametrize("module", ["filters", "mixes.weights", "train.config", "pipeline.cli.app"])
def test_light_imports(module: str) -> None:
    """What the command line imports at its start brings no heavy package with it."""
    heavy = ("torch", "numba", "spacy", "fasttext", "trafilatura", "ray", "datatrove", "tokenizers")
    code = f"import sys, {module}; print([name for name in {heavy!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
