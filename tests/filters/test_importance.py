from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from filters import importance
from filters.batch import Batch
from filters.chain import Chain, chain_steps
from filters.document import from_rows
from filters.importance import Settings
from filters.models.importance_model import FLOOR, ImportanceModel, read_importance, train_importance
from filters.models.tensors_file import TensorsError, pack, unpack
from filters.text.token_hashes import extended, token_hash
from tests.growth import assert_linear

BUCKETS = 1 << 20  # so many that no two n-grams of these texts share one
TARGET, RAW = ["The cat. the cat"], ["a dog", "the dog!"]


def trained(**settings: Any) -> ImportanceModel:
    return read_importance(bytearray(train_importance(TARGET, RAW, **{"buckets": BUCKETS, **settings})))


def by_hand(target: float, raw: float) -> float:
    return math.log(target + FLOOR) - math.log(raw + FLOOR)


# Of the target's nine n-grams (the cat . the cat, and four pairs); of the raw corpus's eight (a dog, a-dog; the dog !,
# the-dog, dog-!).
THE, CAT, THE_CAT = by_hand(2 / 9, 1 / 8), by_hand(2 / 9, 0), by_hand(2 / 9, 0)
DOG, DOG_THE = by_hand(0, 2 / 8), by_hand(0, 0)


def test_weights_by_hand() -> None:
    model = Batch(["the cat", "The CAT", "dog the", "", "the\ncat"])
    found = importance.measure(model, Settings(models={"x": "m"}), {"models.m": trained()})
    wanted = [THE + CAT + THE_CAT] * 2 + [DOG + THE + DOG_THE, 0, THE + CAT + THE_CAT]
    np.testing.assert_allclose(found["importance_x"], wanted)
    np.testing.assert_allclose(found["importance_x_per_gram"], np.array(wanted) / 3)
    single = importance.measure(model, Settings(models={"x": "m"}), {"models.m": trained(grams=1)})
    np.testing.assert_allclose(single["importance_x"][0], by_hand(2 / 5, 1 / 5) + by_hand(2 / 5, 0))
    as_written = importance.measure(model, Settings(models={"x": "m"}), {"models.m": trained(lower=False)})
    assert as_written["importance_x"][0] != as_written["importance_x"][1]


def test_buckets_are_those_of_the_stable_hash() -> None:
    arrays, settings = unpack(bytearray(train_importance(["a b"], ["c"], buckets=64)), "importance")
    keys = [token_hash("a"), token_hash("b"), int(extended(token_hash("b"), token_hash("a")))]
    assert {int(key % 64) for key in keys} == set(np.flatnonzero(arrays["target"] > math.log(0.1)).tolist())
    assert settings["lengths"] == [3, 1]


def test_length_correction_by_hand() -> None:
    model = trained()  # mean lengths 16 and 6.5 characters
    found = importance.measure(Batch(["a", "x" * 12]), Settings(models={"x": "m"}), {"models.m": model})
    corrections = found["importance_x_length_corrected"] - found["importance_x"]
    for length, correction in zip((1, 12), corrections, strict=True):
        target, raw = (math.exp(-mean) * mean**length / math.factorial(length) for mean in (16, 6.5))
        assert correction == pytest.approx(math.log(target + 1e-8) - math.log(raw + 1e-8))


def test_training_is_deterministic_and_does_not_depend_on_batches() -> None:
    texts = [f"page {i} has words {i % 7}" for i in range(600)]
    assert train_importance(texts, texts[::2]) == train_importance(iter(texts), tuple(texts[::2]))
    with pytest.raises(ValueError, match="the raw texts have no word to count"):
        train_importance(texts, ["", " "])


@pytest.mark.parametrize(
    ("settings", "kept"),
    [
        ({}, [True, True]),
        ({"min_weight": {"x": THE + CAT + THE_CAT - 1e-6}}, [True, False]),
        ({"min_weight": {"x": THE + CAT + THE_CAT + 1e-6}}, [False, False]),
        ({"min_per_gram": {"x": 0}}, [True, False]),
    ],
)
def test_rules(settings: dict[str, Any], kept: list[bool]) -> None:
    steps = chain_steps([{"importance": {"models": {"x": "m"}, **settings}}])
    chain = Chain(steps, {"models.m": trained()})
    rows: list[dict[str, object]] = [{"id": text, "text": text} for text in ("the cat", "a dog")]
    assert chain.apply(from_rows(rows)).verdict.keep.tolist() == kept


def test_a_threshold_for_a_model_that_is_not_applied_is_refused() -> None:
    with pytest.raises(ValueError, match="expected `min_weight` to name some of `models`, got 'y'"):
        chain_steps([{"importance": {"models": {"x": "m"}, "min_weight": {"y": 1}}}])


def test_damaged_models_are_refused() -> None:
    whole = train_importance(TARGET, RAW, buckets=64)
    for size in (0, 7, 8, 40, len(whole) - 1):
        with pytest.raises(TensorsError):
            read_importance(bytearray(whole[:size]))
    with pytest.raises(TensorsError, match="no header"):
        read_importance(bytearray(b"\xff" * 64))
    with pytest.raises(TensorsError, match="of kind 'ngrams', not 'importance'"):
        read_importance(bytearray(pack({}, {"kind": "ngrams"})))
    with pytest.raises(TensorsError, match="two distributions"):
        read_importance(bytearray(pack({"raw": np.zeros(2)}, {"kind": "importance"})))
    bad = {"raw": np.zeros(2), "target": np.array([0, np.nan])}
    with pytest.raises(TensorsError, match="no numbers"):
        read_importance(bytearray(pack(bad, {"kind": "importance", "version": 1, "lengths": [1, 1]})))


def test_tensors_are_those_of_the_published_format() -> None:
    from safetensors.numpy import load

    arrays = {"small": np.array([1, 2, 3], np.float32), "large": np.array([[4], [5]], np.uint64)}
    data = pack(arrays, {"kind": "test", "a": 1})
    for found in (load(data), unpack(bytearray(data), "test")[0]):
        assert {name: array.tolist() for name, array in found.items()} == {
            "small": [1, 2, 3],
            "large": [[4], [5]],
        }


def test_cost_is_linear() -> None:
    model = trained()

    def work(size: int) -> None:
        batch = Batch(["a " * size, "a." * size])
        importance.measure(batch, Settings(models={"x": "m"}), {"models.m": model})

    assert_linear(work, 10_000)
