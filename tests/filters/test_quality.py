"""Quality classifiers: scores are fastText's, ranks are those of the sample, and each policy cuts where it says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pytest

from filters import quality
from filters.batch import Batch
from filters.chain import Chain, asset_names, chain_steps
from filters.corpus_level import calibrations, sampled_steps, with_derived
from filters.document import from_rows
from filters.models.calibration import Calibration, decoded, encoded, summary
from filters.models.fasttext_model import Model
from filters.models.platt import Platt
from filters.quality import Classifier, Policy, Settings
from tests.filters.classifiers import classifier, text
from tests.filters.test_fasttext_model import CLOSE, library
from tests.growth import assert_linear

HQ: dict[str, Any] = {"model": "m", "label": "hq"}
ROWS = [
    {
        "id": f"x@{seed}",
        "url": "http://a.example/",
        "text": text({"a": seed % 11, "b": 10 - seed % 11}, 5 + seed, seed),
    }
    for seed in range(60)
]


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return classifier(tmp_path_factory.mktemp("model") / "m.bin", {"hq": "a", "cc": "b"})


@pytest.fixture(scope="module")
def model(path: Path) -> Model:
    return Model(path.read_bytes())


def applied(model: Model, documents: list[dict[str, Any]], calibrated_on: int = 0, **values: Any) -> pa.Table:
    """Documents with all columns and their verdict, after the filter `quality` alone."""
    steps = chain_steps([{"quality": {"classifiers": {"hq": HQ}, **values}}])
    assert asset_names(steps) == ["models.m"]
    assets: dict[str, Any] = {"models.m": model}
    if calibrated_on:
        raw = Chain(sampled_steps(steps), assets).apply(from_rows(documents)).documents
        assets["calibration"] = calibrations(steps, raw, calibrated_on)
    found = Chain(steps, assets).apply(from_rows(documents))
    return found.documents.append_column("reason", found.verdict.reason)


def test_scores_are_the_librarys(path: Path, model: Model) -> None:
    other = library(path)
    for row in ROWS[:20]:
        for label in ("hq", "__label__hq"):
            (score,) = quality.scored(Batch([row["text"].replace(" ", "\n", 3)]), model, label)
            found = other.f.predict(row["text"] + "\n", -1, 0.0, "strict")
            assert score == pytest.approx({name: value for value, name in found}["__label__hq"], abs=CLOSE)
    assert (
        quality.scored(Batch(["", " \n"]), model, "hq").tolist()
        == quality.scored(Batch(["\n", ""]), model, "hq").tolist()
    )


def test_scores_can_be_calibrated_by_the_models_card(model: Model) -> None:
    batch = Batch([row["text"] for row in ROWS])
    raw, slow = (quality.scored(batch, model, "hq", platt) for platt in (None, Platt(0.5, -1.0)))
    assert slow == pytest.approx(1 / (1 + np.exp(1) * np.sqrt((1 - raw) / raw)), abs=1e-3)
    values = {"classifiers": {"hq": {**HQ, "platt": {"slope": 0.5, "offset": -1.0}}}}
    assert applied(model, ROWS, **values)["quality_hq"].to_pylist() == slow.tolist()


def test_a_threshold_keeps_its_own_score(model: Model) -> None:
    score = float(quality.scored(Batch([ROWS[5]["text"]]), model, "hq")[0])
    for least, reason in ((score, None), (float(np.nextafter(score, 1)), "quality.hq"), (None, None)):
        found = applied(model, ROWS[5:6], classifiers={"hq": {**HQ, "min_score": least}})
        assert found["reason"].to_pylist() == [reason]
        assert found["quality_hq"].to_pylist() == [score]


def test_tokens_are_estimated_from_bytes(model: Model) -> None:
    found = applied(model, [{"id": "x", "url": "", "text": "é" * 22}])
    assert found["quality_tokens"].to_pylist() == [10.0]


def test_ranks_and_policies_by_hand(model: Model) -> None:
    """Four documents of 10, 20, 30 and 40 tokens, better and better: 0, .1, .3 and .6 of the tokens are worse."""
    texts = [text({"a": step, "b": 3 - step}, 2000, step)[: 44 * (step + 1)] for step in range(4)]
    rows = [{"id": f"x@{i}", "url": "", "text": one} for i, one in enumerate(texts)]
    plain = applied(model, rows, 8, combine="max")
    assert (np.diff(plain["quality_hq"].to_numpy()) > 0).all()
    assert plain["quality_percentile"].to_pylist() == pytest.approx([0, 0.1, 0.3, 0.6])
    assert plain["quality_bucket"].to_pylist() == [0, 2, 6, 12]
    assert plain["quality_above"].to_pylist() == pytest.approx([0.9, 0.7, 0.4, 0])
    # the sample stands for twice as many documents
    assert plain["quality_tokens_above"].to_pylist() == pytest.approx([180, 140, 80, 0])
    three = plain["quality_tokens_above"].to_pylist()[2]
    assert int(three) == 80
    for policy, kept in (
        ({"quantile": 0.4}, 1),  # the best document alone reaches .4 of the tokens
        ({"quantile": 0.41}, 2),
        ({"quantile": 1.0}, 4),
        ({"quantile": 0.0}, 0),
        ({"budget": 80}, 1),
        ({"budget": 81}, 2),
        ({"budget": 1000}, 4),
        ({"min_bucket": 6}, 2),
        ({"min_bucket": 7}, 1),
        ({}, 4),
    ):
        reasons = applied(model, rows, 8, combine="max", policy=policy)["reason"].to_pylist()
        assert reasons.count(None) == kept, policy
        assert set(reasons[: 4 - kept]) <= {f"quality.{next(iter(policy), '')}"}
    assert applied(model, rows, 8, combine="max", buckets=3)["quality_bucket"].to_pylist() == [0, 0, 0, 1]


def test_the_draw_needs_no_calibration_and_can_be_changed_later(model: Model) -> None:
    found = applied(model, ROWS, policy={"pareto": 2.0})
    bound = found["quality_pareto"].to_numpy()
    assert [reason is None for reason in found["reason"].to_pylist()] == (bound > 2.0).tolist()
    assert 0 < (bound > 2.0).sum() < len(ROWS)
    assert found["quality_pareto"].to_pylist() == applied(model, ROWS)["quality_pareto"].to_pylist()
    exact = float(bound[7])
    assert applied(model, ROWS[7:8], policy={"pareto": exact})["reason"].to_pylist() == ["quality.pareto"]
    assert applied(model, ROWS[7:8], policy={"pareto": float(np.nextafter(exact, 0))})[
        "reason"
    ].to_pylist() == [None]


def test_rows_are_independent(model: Model) -> None:
    steps = chain_steps(
        [{"quality": {"classifiers": {"hq": HQ, "also": {**HQ, "label": "cc"}}, "combine": "mean"}}]
    )
    assets: dict[str, Any] = {"models.m": model}
    raw = Chain(sampled_steps(steps), assets).apply(from_rows(ROWS)).documents
    assets["calibration"] = calibrations(steps, raw, len(ROWS))
    whole = Chain(steps, assets).apply(from_rows(ROWS)).documents.to_pylist()
    backward = [
        Chain(steps, assets).apply(from_rows([row])).documents.to_pylist()[0] for row in reversed(ROWS)
    ]
    assert backward[::-1] == whole


def calibration(
    columns: dict[str, list[Any]], spec: list[Any], documents: int
) -> tuple[pa.Table, Calibration]:
    """What a chain derives from stored columns, and by which calibration."""
    table = pa.table({"id": [str(row) for row in range(len(next(iter(columns.values()))))], **columns})
    steps = chain_steps(spec)
    found = calibrations(steps, table, documents)
    return with_derived(steps, table, {"calibration": found}), found["quality"]


TWO = {name: {**HQ, "label": name} for name in ("one", "two")}


def test_several_classifiers_by_the_highest_or_the_mean_percentile() -> None:
    columns: dict[str, list[Any]] = {
        "extract_characters": [5, 5, 5, 5],
        "language": ["en"] * 4,
        "quality_one": [0.1, 0.2, 0.3, 0.4],
        "quality_two": [0.9, 0.1, 0.8, 0.2],
        "quality_tokens": [1.0, 1.0, 1.0, 1.0],
    }
    for combine, wanted in (("max", [0.75, 0.25, 0.5, 0.75]), ("mean", [0.375, 0.125, 0.5, 0.5])):
        table, _ = calibration(columns, [{"quality": {"classifiers": TWO, "combine": combine}}], 4)
        assert table["quality_percentile"].to_pylist() == pytest.approx(wanted)
        assert (table["quality_pareto"].to_numpy() > 0).all()


def test_ranks_within_topics() -> None:
    rows = 300
    columns: dict[str, list[Any]] = {
        "extract_characters": [5] * rows,
        "language": ["en"] * rows,
        # 140 of each of two topics, the first always better, and 20 of a third that is too small to be ranked alone
        "topics_topic": (["law"] * 140 + ["art"] * 140 + ["rare"] * 20),
        "topics_score": [0.5] * rows,
        "quality_hq": [0.5 + i / 1000 for i in range(140)]
        + [0.1 + i / 1000 for i in range(140)]
        + [0.45] * 20,
        "quality_tokens": [1.0] * rows,
    }
    quality_ = {"classifiers": {"hq": HQ}, "combine": "max", "by_topic": "topics_topic"}
    table, made = calibration(columns, [{"topics": {"model": "t"}}, {"quality": quality_}], rows)
    within = [i / 140 for i in range(140)]
    assert table["quality_percentile"].to_pylist()[:280] == pytest.approx(within + within)
    assert table["quality_percentile"].to_pylist()[280] == pytest.approx(140 / rows)
    assert summary(made)["topics"] == ["art", "law"]


def test_only_what_the_rules_before_keep_is_ranked() -> None:
    columns: dict[str, list[Any]] = {
        "extract_characters": [0, 5, 5, 5],
        "language": ["en", "de", "en", "en"],
        "language_score": [0.9, 0.9, 0.9, 0.9],
        "quality_hq": [0.1, 0.2, 0.3, 0.4],
        "quality_tokens": [7.0, 7.0, 10.0, 30.0],
    }
    ranked = {"quality": {"classifiers": {"hq": {**HQ, "min_score": 0.35}}, "combine": "max"}}
    _, made = calibration(columns, ["language", ranked], 40)
    assert (made.documents, made.sampled, made.passed, made.tokens) == (40, 4, 2, 400.0)
    _, first = calibration(columns, [ranked, "language"], 40)
    assert first.passed == 3
    # A rule that the bucket itself lifts is none that the bucket can wait for.
    lifted = {"language": {"unless": "quality_bucket >= 18"}}
    _, open_ = calibration(columns, [lifted, ranked], 40)
    assert open_.passed == 3


def test_rows_that_were_not_measured_stay_so() -> None:
    columns: dict[str, list[Any]] = {
        "extract_characters": [5, 5],
        "language": ["en", None],
        "quality_hq": [0.1, 0.4],
        "quality_tokens": [1.0, 1.0],
    }
    spec = [{"quality": {"classifiers": {"hq": HQ}, "combine": "max"}}]
    table, made = calibration(columns, spec, 2)
    nulls = {
        name: pa.array([None, 0.4]) if name.startswith("quality_hq") else table[name]
        for name in table.column_names
    }
    again = with_derived(chain_steps(spec), pa.table(nulls), {"calibration": {"quality": made}})
    assert again["quality_bucket"].to_pylist() == [None, 10]
    assert again.schema.names == table.schema.names


def test_a_calibration_is_a_file(tmp_path: Path) -> None:
    columns: dict[str, list[Any]] = {
        "extract_characters": [5] * 40,
        "language": ["en"] * 40,
        "quality_hq": [i / 40 for i in range(40)],
        "quality_tokens": [1.0] * 40,
    }
    spec = [{"quality": {"classifiers": {"hq": HQ}, "combine": "max"}}]
    _, made = calibration(columns, spec, 400)
    assert decoded(encoded(made)) == made
    said = summary(made)
    assert json.loads(json.dumps(said)) == said
    assert said["scores"]["hq"] == pytest.approx([step / 20 for step in range(1, 20)])
    assert said["keeping"][1] == {"share": 0.1, "percentile": 0.9, "tokens": 40}
    pinned = {"quality": {"classifiers": {"hq": HQ}, "combine": "max", "calibration": "other"}}
    steps = chain_steps([pinned])
    assert asset_names(steps) == ["models.m", "models.other"]
    assert sampled_steps(steps) == []
    columns_ = {"quality_hq": np.array([0.5]), "id": np.array(["x"], object)}
    derived = quality.derive(columns_, steps[0].settings, {"models.other": made})
    assert derived["quality_bucket"].tolist() == [10]
    for data in (b"", b"{}", encoded(made).replace(b'"format":1', b'"format":2'), b"\xff"):
        with pytest.raises(ValueError, match="no calibration of this version"):
            decoded(data)


def test_what_does_not_fit(model: Model) -> None:
    assets: dict[str, Any] = {"models.m": model}
    quality.fits(Settings(classifiers={"hq": Classifier(model="m", label="hq")}), assets)
    with pytest.raises(ValueError, match=r"classifiers\.hq\.label: no label 'x': the model has __label__"):
        quality.fits(Settings(classifiers={"hq": Classifier(model="m", label="x")}), assets)
    made = quality.made(
        {"quality_one": np.ones(1), "quality_two": np.ones(1), "quality_tokens": np.ones(1)},
        chain_steps([{"quality": {"classifiers": TWO, "combine": "max"}}])[0].settings,
        1,
        1,
    )
    pinned = Settings(classifiers={"hq": Classifier(model="m", label="hq")}, combine="max", calibration="c")
    with pytest.raises(ValueError, match=r"calibration: that of models\.c was made for max of one, two"):
        quality.fits(pinned, {**assets, "models.c": made})


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"classifiers": {"tokens": HQ}}, "filters[0].quality.classifiers.tokens: this name is taken"),
        ({"policy": {"quantile": 0.1}}, "filters[0].quality.policy.quantile: needs percentiles"),
        ({"policy": {"budget": 9}}, "filters[0].quality.policy.budget: needs percentiles"),
        ({"policy": {"min_bucket": 9}}, "filters[0].quality.policy.min_bucket: needs percentiles"),
        ({"classifiers": TWO, "policy": {"pareto": 9}}, "filters[0].quality.policy.pareto: needs one classifier"),
        ({"by_topic": "language"}, "filters[0].quality.by_topic: nothing reads it"),
        ({"combine": "max", "by_topic": "topics_topic"}, "filters[0].quality.by_topic: no filter before this one"),
        ({"combine": "max", "classifiers": {}}, "filters[0].quality.classifiers: expected at least one"),
        ({"combine": "max", "policy": {"min_bucket": 20}}, "filters[0].quality.policy.min_bucket: expected less"),
        ({"combine": "min"}, "filters[0].quality.combine: expected 'max' or 'mean', got 'min'"),
        ({"classifiers": {"A b": HQ}}, "filters[0].quality.classifiers"),
        ({"classifiers": {"hq": {"model": "m"}}}, "filters[0].quality.classifiers"),
        ({"policy": {"quantile": 2}}, "filters[0].quality.policy.quantile: expected"),
        ({"combine": "max", "by_language": {"de": {"combine": "mean"}}}, "by_language.de.combine: is the same"),
        ({"by_language": {"de": {"classifiers": TWO}}}, "by_language.de.classifiers: have the same names"),
    ],
)  # fmt: skip
def test_settings_that_do_not_hold_together(values: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=r".") as error:
        chain_steps([{"quality": {"classifiers": {"hq": HQ}, **values}}])
    assert said in str(error.value)


def test_policies_and_least_scores_are_thresholds() -> None:
    def measured(**values: Any) -> list[dict[str, Any]]:
        steps = chain_steps([{"quality": {"classifiers": {"hq": HQ}, "combine": "max", **values}}])
        return Chain(steps).fingerprint_settings(thresholds=False)

    plain = measured()
    assert plain == measured(
        policy={"quantile": 0.1, "budget": 5}, classifiers={"hq": {**HQ, "min_score": 0.4}}
    )
    assert plain != measured(combine="mean")
    assert plain != measured(classifiers={"hq": {**HQ, "label": "cc"}})


def test_a_language_may_have_its_own_model(model: Model, path: Path) -> None:
    other = Model(path.read_bytes())
    spec = {
        "classifiers": {"hq": HQ},
        "by_language": {"de": {"classifiers": {"hq": {"model": "n", "label": "cc", "min_score": 0.99}}}},
    }
    rows = [
        {**row, "language": language}
        for row, language in zip(ROWS[:4], ["en", "de", None, "de"], strict=True)
    ]
    found = Chain(chain_steps([{"quality": spec}]), {"models.m": model, "models.n": other}).apply(
        from_rows(rows)
    )
    scores = quality.scored(Batch([row["text"] for row in rows]), model, "hq")
    assert found.documents["quality_hq"].to_pylist() == pytest.approx(
        [scores[0], 1 - scores[1], scores[2], 1 - scores[3]], abs=1e-6
    )
    below = [bool(one and 1 - score < 0.99) for one, score in zip([0, 1, 0, 1], scores, strict=True)]
    assert found.verdict.reason.to_pylist() == ["quality.hq" if one else None for one in below]
    assert any(below)


def test_defaults_and_the_policy_by_themselves() -> None:
    assert quality.signals(Settings()) == []
    assert quality.measure(Batch(["x"]), Settings(), {}) == {}
    assert msgspec.to_builtins(Policy()) == dict.fromkeys(["quantile", "budget", "min_bucket", "pareto"])


def test_time_is_linear(model: Model) -> None:
    settings = Settings(classifiers={"hq": Classifier(model="m", label="hq")})

    def work(size: int) -> None:
        quality.measure(Batch(["a1a " * size + "x" * size]), settings, {"models.m": model})

    assert_linear(work, 4000)
