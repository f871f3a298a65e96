from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest

from filters import toxicity
from filters.batch import Batch
from filters.chain import Chain, chain_steps
from filters.document import from_rows
from filters.models.fasttext_model import Model
from filters.toxicity import Judge, Settings
from tests.filters.test_fasttext_model import trained
from tests.growth import assert_linear


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    """Knows that `vile`, `awful` and `people` are bad words, and thousands of words that are not."""
    folder = tmp_path_factory.mktemp("toxicity")
    draw = random.Random(0)
    words = ["".join(draw.choices("abcdefghijklmno", k=5)) for _ in range(3000)]  # few words end in NaN
    lines = []
    for _ in range(1500):
        lines.append(f"__label__clean {' '.join(draw.choices(words, k=8))} the cat sat on a mat .")
        lines.append(
            f"__label__toxic {' '.join(draw.choices(['vile', 'awful', 'people', 'you', 'are'], k=6))} ."
        )
    (folder / "text").write_text("\n".join(lines) + "\n")
    trained(folder / "text", folder / "model.bin", {"dim": 8, "epoch": 5, "lr": 0.1, "minn": 0, "maxn": 0})
    return Model((folder / "model.bin").read_bytes())


MODELS = {"hate": Judge(model="m", label="toxic")}
GOOD, BAD = "The cat sat on a mat.", "You are vile awful people"


def measured(model: Model, text: str, **settings: Any) -> dict[str, float]:
    found = toxicity.measure(Batch([text]), Settings(models=MODELS, **settings), {"models.m": model})
    return {name.removeprefix("toxicity_hate_"): float(column[0]) for name, column in found.items()}


def test_signals_are_the_models_scores(model: Model) -> None:
    good, bad = (model.score(text, "toxic") for text in (GOOD, BAD + "."))
    assert good < 0.2 < 0.8 < bad
    text = f"{GOOD} {BAD}.\n{GOOD}"
    found = measured(model, text)
    assert found["document"] == pytest.approx(model.score(text.replace("\n", " "), "__label__toxic"))
    assert found["max"] == pytest.approx(bad)
    assert found["mean"] == pytest.approx((2 * good + bad) / 3)
    assert found["share"] == pytest.approx((len(BAD) + 1) / (2 * len(GOOD) + len(BAD) + 1))
    assert measured(model, text, span_score=0.0)["share"] == 1
    line = measured(model, f"\n {BAD}. {BAD}.\n\n{GOOD}\n", unit="line")
    assert line["share"] == pytest.approx((2 * len(BAD) + 3) / (2 * len(BAD) + 3 + len(GOOD)))
    assert measured(model, "") == {"document": 0, "max": 0, "mean": 0, "share": 0}


def test_rows_do_not_depend_on_each_other(model: Model) -> None:
    texts = [GOOD, "", f"{BAD}. {GOOD}", BAD]
    settings = Settings(models=MODELS)
    whole = toxicity.measure(Batch(texts), settings, {"models.m": model})
    for row, text in enumerate(texts):
        single = toxicity.measure(Batch([text]), settings, {"models.m": model})
        for name, column in single.items():
            assert column[0] == pytest.approx(whole[name][row])


@pytest.mark.parametrize(
    ("text", "left"),
    [
        (GOOD, GOOD),
        (f"{GOOD} {BAD}. {GOOD}", f"{GOOD} {GOOD}"),
        (f"{BAD}. {GOOD}", GOOD),
        (f"{GOOD} {BAD}.\n{GOOD}", f"{GOOD}\n{GOOD}"),
        (f"{GOOD}\n  {BAD}.\n\n{GOOD}", f"{GOOD}\n\n{GOOD}"),
        (f"{GOOD}\n- {BAD}.\n{GOOD}", f"{GOOD}\n{GOOD}"),
        (f"{BAD}.", ""),
        (f"{GOOD}  \n{GOOD}", f"{GOOD}  \n{GOOD}"),
        ("", ""),
    ],
)
def test_toxic_sentences_are_removed_if_asked(model: Model, text: str, left: str) -> None:
    for remove, wanted in ((0.4, left), (None, text)):
        settings = Settings(models=MODELS, remove_spans=remove)
        batch = Batch([GOOD, text])
        toxicity.measure(batch, settings, {"models.m": model})
        assert toxicity.edit(batch, settings) == [GOOD, wanted]
    with pytest.raises(ValueError, match="measure a batch before it is edited"):
        toxicity.edit(Batch([BAD]), Settings(models=MODELS, remove_spans=0.4))


@pytest.mark.parametrize(
    ("rule", "place", "kept"),  # where the threshold lies between the two pages' values
    [
        (None, 0.5, [True, True]),
        ("max_document", 0.5, [True, False]),
        ("max_document", 1.0, [True, True]),
        ("max_share", 0.5, [True, False]),
        ("max_share", 1.0, [True, True]),
    ],
)
def test_rules_and_the_edit_in_a_chain(
    model: Model, rule: str | None, place: float, kept: list[bool]
) -> None:
    dirty = f"{BAD}. {BAD}. {GOOD}"
    column = "share" if rule == "max_share" else "document"
    low, high = measured(model, GOOD)[column], measured(model, dirty)[column]
    assert low < high
    threshold = {rule: {"hate": low + place * (high - low) if place < 1 else high}} if rule else {}
    spec = {"models": {"hate": {"model": "m", "label": "toxic"}}, "remove_spans": 0.4, **threshold}
    chain = Chain(chain_steps([{"toxicity": spec}]), {"models.m": model})
    rows: list[dict[str, object]] = [{"id": text, "text": text} for text in (GOOD, dirty)]
    applied = chain.apply(from_rows(rows))
    assert applied.verdict.keep.tolist() == kept
    assert applied.documents["text"].to_pylist() == [GOOD, GOOD]
    assert chain.edited(from_rows(rows)).to_pylist() == [GOOD, GOOD]


def test_a_threshold_for_a_model_that_is_not_applied_is_refused() -> None:
    with pytest.raises(ValueError, match="expected `max_share` to name some of `models`, got 'x'"):
        chain_steps([{"toxicity": {"max_share": {"x": 0.1}}}])


def test_a_label_that_a_model_has_not_is_named(model: Model) -> None:
    toxicity.fits(Settings(models=MODELS), {"models.m": model})
    wrong = Settings(models={"hate": Judge(model="m", label="hateful")})
    with pytest.raises(ValueError, match=r"models\.hate\.label: no label 'hateful'"):
        toxicity.fits(wrong, {"models.m": model})


def test_cost_is_linear(model: Model) -> None:
    settings = Settings(models=MODELS, remove_spans=0.4)

    def work(size: int) -> None:
        batch = Batch(["a." * size, "vile. " * size, "x" * size, "\n" * size])
        toxicity.measure(batch, settings, {"models.m": model})
        toxicity.edit(batch, settings)

    assert_linear(work, 500)


def test_columns_are_those_stated(model: Model) -> None:
    settings = Settings(models={**MODELS, "nsfw": Judge(model="m", label="clean")})
    found = toxicity.measure(Batch([GOOD]), settings, {"models.m": model})
    assert list(found) == [signal.column for signal in toxicity.signals(settings)]
    assert toxicity.needed(settings) == ("models.m",)
    assert found["toxicity_hate_document"][0] + found["toxicity_nsfw_document"][0] == pytest.approx(
        1, abs=1e-4
    )
    assert all(np.isfinite(column).all() for column in found.values())
