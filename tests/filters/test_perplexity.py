from __future__ import annotations

from typing import Any

import pytest

from filters import perplexity
from filters.batch import Batch
from filters.chain import Chain, chain_steps
from filters.document import from_rows
from filters.models.ngram_training import estimated
from filters.perplexity import Settings

MODEL = estimated(["the cat sat", "the cat sat down", "the dog sat"] * 4, order=3, max_tokens=1000, prune=1)
TEXTS = ["the cat sat", "dog down cat", "zz yy"]
VALUES, UNKNOWN = (column.tolist() for column in MODEL.perplexities(TEXTS))


def test_columns() -> None:
    assert VALUES[0] < VALUES[1] < VALUES[2]
    settings = Settings(models={"x": "m", "y": "m"}, cutoffs={"x": (VALUES[0] + 1, VALUES[2])})
    found = perplexity.measure(Batch(TEXTS), settings, {"models.m": MODEL})
    assert set(found) == {signal.column for signal in perplexity.signals(settings)}
    assert found["perplexity_x"].tolist() == found["perplexity_y"].tolist() == VALUES
    assert found["perplexity_x_unknown"].tolist() == UNKNOWN == [0, 0, pytest.approx(2 / 3)]
    assert found["perplexity_x_bucket"].tolist() == [0, 1, 2]  # a cutoff itself belongs to the next bucket
    assert perplexity.needed(settings) == ("models.m",)


@pytest.mark.parametrize(
    ("settings", "kept"),
    [
        ({}, [True, True, True]),
        ({"max_perplexity": {"x": VALUES[1]}}, [True, True, False]),
        ({"max_perplexity": {"x": VALUES[1] - 0.001}}, [True, False, False]),
        ({"max_unknown": {"x": 0.5}}, [True, True, False]),
        ({"max_unknown": {"x": 0.7}}, [True, True, True]),
    ],
)
def test_rules(settings: dict[str, Any], kept: list[bool]) -> None:
    chain = Chain(chain_steps([{"perplexity": {"models": {"x": "m"}, **settings}}]), {"models.m": MODEL})
    rows: list[dict[str, object]] = [{"id": text, "text": text} for text in TEXTS]
    assert chain.apply(from_rows(rows)).verdict.keep.tolist() == kept


def test_cutoffs_of_a_model_that_is_not_applied_are_refused() -> None:
    with pytest.raises(ValueError, match="expected `cutoffs` to name some of `models`, got 'y'"):
        chain_steps([{"perplexity": {"cutoffs": {"y": [1, 2]}}}])
