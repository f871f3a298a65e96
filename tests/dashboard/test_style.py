"""The style sheet is whole: a brace that is missing would silently switch off every rule after it."""

from __future__ import annotations

from importlib import resources

import pytest


@pytest.mark.parametrize(
    ("package", "name"), [("pipeline.report", "report.css"), ("pipeline.dashboard", "static/dashboard.css")]
)
def test_every_block_is_closed_before_the_next_section(package: str, name: str) -> None:
    text = (resources.files(package) / name).read_text("utf-8")
    depth = 0
    for number, line in enumerate(text.splitlines(), 1):
        assert depth == 0 or not line.startswith("/*"), f"{name}:{number}: a block above is not closed"
        depth += line.count("{") - line.count("}")
        assert 0 <= depth <= 2, f"{name}:{number}"
    assert depth == 0
