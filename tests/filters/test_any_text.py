"""Whatever a text holds, the measuring filters give finite values in their units, the same in every batch."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest

from filters import FILTERS
from filters.batch import Batch
from pipeline import assets

NAMES = ("rpv2", "nemo", "code", "dirty", "outliers")
PIECES = """Ã© â€™ &nbsp; <div %20%20%20 # ... … \x00 \ud800 \U0010ffff Σ İ 한 क् http://a% 0x4f, \\u004f { } lorem
ipsum terms of use a' ’ Р’ ðŸ˜€ 12 ١ ǅ javascript = x /* */ QUJDQUJDQUJDQUJD""".split()
SPACES = (" ", "\n", "\n\n", "\u2028", "\x85", "\r\n", "", "")


def texts() -> list[str]:
    draw = random.Random(4)
    mixed = [
        "".join(draw.choice(PIECES) + draw.choice(SPACES) for _ in range(draw.randrange(60)))
        for _ in range(400)
    ]
    wild = ["".join(chr(draw.randrange(0x110000)) for _ in range(draw.randrange(200))) for _ in range(100)]
    return ["", "\n", *mixed, *wild]


@pytest.mark.parametrize("name", NAMES)
def test_any_text(name: str) -> None:
    spec = FILTERS[name]
    settings: Any = spec.settings()
    needed = {asset: assets.load(asset) for asset in spec.assets(settings)}
    found = texts()
    whole = spec.measure(Batch(found), settings, needed)
    signals = spec.signals(settings)
    assert list(whole) == [signal.column for signal in signals]
    for signal in signals:
        values = whole[signal.column]
        assert len(values) == len(found)
        assert np.isfinite(values).all(), signal.column
        assert values.min() >= 0, signal.column
        if signal.unit.startswith("share of") or signal.unit == "0 or 1":
            assert values.max() <= 1, signal.column
    for i in range(0, len(found), 5):
        alone = spec.measure(Batch(found[i : i + 1]), settings, needed)
        assert {column: values[0] for column, values in alone.items()} == {
            column: values[i] for column, values in whole.items()
        }
    assert all(len(values) == 0 for values in spec.measure(Batch([]), settings, needed).values())


@pytest.mark.parametrize("name", NAMES)
def test_spans_lie_in_the_text(name: str) -> None:
    spec = FILTERS[name]
    settings: Any = spec.settings()
    for rule in spec.rules(settings):
        for text in texts()[:100]:
            assert all(0 <= start < end <= len(text) for start, end in spec.spans(text, rule.name, settings))
