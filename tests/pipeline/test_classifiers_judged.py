"""Judging: folds by domain, matched lengths, figures known by hand, and the command from documents to a card."""

from __future__ import annotations

import gzip
import json
import random
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from filters.models.platt import Platt, calibrated, log_odds
from pipeline.classify import measures
from pipeline.classify.examples import Example, Reading, hashed, read, sampled
from pipeline.classify.matching import domain_of, fold_of, length_bin, length_matched
from tests.pipeline.conftest import sluice


def example(key: int, label: str = "a", text: str = "", url: str = "") -> Example:
    return Example(key, label, text or f"text {key}", url, "en")


def test_a_sample_is_the_lowest_keys_in_any_order() -> None:
    pages = [example(hashed(str(number)), "ab"[number % 2]) for number in range(200)]
    wanted = {label: sorted(p for p in pages if p.label == label)[:20] for label in "ab"}
    for seed in range(3):
        random.Random(seed).shuffle(pages)
        assert sampled(pages, 20, print) == wanted


def test_no_text_is_an_example_twice() -> None:
    pages = [
        example(3, "b", "same"),
        example(2, "a", "same"),
        example(1, "a", "same"),
        example(4, "b", "own"),
    ]
    found = sampled(pages, 10, print)
    assert {label: [one.key for one in part] for label, part in found.items()} == {"a": [1], "b": [4]}


def test_lengths_are_matched_in_every_bin() -> None:
    draw = random.Random(2)
    classes = {
        "a": [example(key, "a", "x" * draw.randrange(100, 900)) for key in range(300)],
        "b": [example(key, "b", "x" * draw.randrange(300, 3000)) for key in range(300)],
    }
    chosen = length_matched(classes)
    bins = {label: Counter(length_bin(one.text) for one in part) for label, part in chosen.items()}
    assert bins["a"] == bins["b"]
    for label, part in chosen.items():
        for place, count in bins[label].items():
            everyone = [one for one in classes[label] if length_bin(one.text) == place]
            assert [one for one in part if length_bin(one.text) == place] == everyone[:count]
    assert sum(bins["a"].values()) > 50


def test_all_pages_of_a_domain_are_in_one_fold() -> None:
    pages = [example(1, url="http://a.example.co.uk/x"), example(2, url="https://www.b.example.co.uk/")]
    assert {domain_of(page) for page in pages} == {"example.co.uk"}
    assert domain_of(example(3)) != domain_of(example(4))
    folds = [fold_of(f"d{number}.example", 5, 0) for number in range(1000)]
    assert min(Counter(folds).values()) > 150
    assert folds != [fold_of(f"d{number}.example", 5, 1) for number in range(1000)]


def area(scores: list[float], positive: list[int], folds: list[int] | None = None) -> measures.Area:
    count = len(scores)
    places = np.array(folds or [0] * count)
    return measures.area(np.array(scores), np.array(positive, bool), places, np.arange(count))


def test_areas_by_hand() -> None:
    assert area([0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1]).value == 0.75
    assert area([0.5, 0.5, 0.5], [0, 1, 1]).value == 0.5
    assert area([0.1, 0.2, 0.9, 0.8], [0, 1, 0, 1]).value == 0.5
    assert area([0.1, 0.2, 0.8, 0.9], [0, 1, 0, 1], [0, 0, 1, 1]).value == 1.0  # pairs within a fold alone
    found = area(list(np.linspace(0, 1, 200)), [int(number % 3 == 0) for number in range(200)])
    assert found.low <= found.value <= found.high


def test_intervals_come_from_domains() -> None:
    """A thousand pages of two domains say little more than two pages do."""
    draw = np.random.default_rng(0)
    positive = np.arange(1000) % 2 == 0
    scores = np.clip(0.5 + 0.1 * positive + 0.2 * draw.standard_normal(1000), 0, 1)
    folds = np.zeros(1000, int)
    scores[positive & (np.arange(1000) < 500)] -= 0.3
    many = measures.area(scores, positive, folds, np.arange(1000))
    few = measures.area(scores, positive, folds, (np.arange(1000) < 500).astype(int))
    assert few.high - few.low > 3 * (many.high - many.low)


def test_platt_finds_the_odds_again() -> None:
    draw = np.random.default_rng(1)
    odds = draw.standard_normal(20000) * 3
    positive = draw.random(20000) < 1 / (1 + np.exp(-(0.5 * odds - 0.25)))
    scores = 1 / (1 + np.exp(-odds))
    found = measures.platt(scores, positive)
    assert found.slope == pytest.approx(0.5, abs=0.02)
    chances = calibrated(scores, found)
    error, bins = measures.reliability(chances, positive)
    assert error < 0.02 < measures.reliability(scores, positive)[0]
    assert sum(one.examples for one in bins) == 20000
    assert measures.platt(1 - scores, positive).slope == 0.001  # what goes the wrong way is not turned round
    folds = draw.integers(0, 4, 20000)
    assert np.abs(measures.cross_calibrated(scores, positive, folds) - chances).max() < 0.03


def test_calibration_keeps_order_and_has_no_nan() -> None:
    scores = np.array([0.0, 1e-9, 0.2, 0.5, 0.9, 1.0, 1.00002])
    found = calibrated(scores, Platt(2.0, -1.0))
    assert np.isfinite(found).all()
    assert (np.diff(found) >= 0).all()
    assert calibrated(np.array([0.3]), Platt())[0] == pytest.approx(0.3)
    assert log_odds(np.array([0.5]))[0] == 0


def test_the_baseline_sees_length_and_address() -> None:
    features = measures.plain_features(["x" * 99, ""], ["http://a.example/b/c/?q", "http://[bad"])
    assert features[0].tolist() == [np.log(100), 2.0, 1.0]
    assert features[1].tolist() == [0.0, 0.0, 0.0]
    draw = np.random.default_rng(0)
    positive, folds = draw.random(600) < 0.5, draw.integers(0, 3, 600)
    told = np.column_stack([positive + draw.standard_normal(600) * 0.3, np.zeros(600), draw.random(600)])
    scores = measures.baseline_scores(told, positive, folds)
    assert measures.area(scores, positive, folds, np.arange(600)).value > 0.95


WORDS = {"good": "history chapter evidence".split(), "bad": "cheap casino bonus".split()}


def rows(count: int, label: str, seed: int = 0) -> list[dict[str, Any]]:
    draw = random.Random(f"{label}{seed}")
    common = [f"w{number}" for number in range(80)]
    return [
        {
            "url": f"http://site{draw.randrange(60)}.example/{label}/{number}",
            "text": f"x{label}{number} y{number}\n"
            + "\n".join(draw.choices([*WORDS[label], *common], k=draw.randrange(90, 150))),
            "topic": label,
        }
        for number in range(count)
    ]


def write(path: Path, documents: list[dict[str, Any]]) -> Path:
    if path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(documents), path)
    else:
        with gzip.open(path, "wt") as file:
            file.writelines(json.dumps(row) + "\n" for row in documents)
    return path


FAST = ("--set", "epoch=10", "--set", "lr=0.5", "--set", "dim=8", "--folds", "2", "--workers", "2")


def test_the_command_from_two_sets_of_documents(tmp_path: Path) -> None:
    good, bad = (
        write(tmp_path / "g.parquet", rows(120, "good")),
        write(tmp_path / "b.jsonl.gz", rows(120, "bad")),
    )
    cards = []
    for out in ("one", "two"):
        done = sluice(
            *(
                "filters",
                "train",
                "--positives",
                good,
                "--negatives",
                bad,
                "--out",
                tmp_path / out,
                "--json",
                *FAST,
            )
        )
        cards.append(json.loads(done.stdout))
    card = cards[0]
    assert cards[1] == card
    for name in ("model.bin", "card.json", "report.html"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    assert sorted(path.name for path in (tmp_path / "one").iterdir()) == [
        "card.json",
        "model.bin",
        "report.html",
    ]
    assert card["labels"] == {"negative": 120, "positive": 120}
    assert card["metrics"]["auc"]["value"] > 0.9 > card["metrics"]["baseline"]["auc"]["high"]
    assert not card["usable"]
    assert "120 positives, fewer than 500" in card["not_usable_because"]
    assert card["calibration"]["slope"] > 0
    assert [one["name"] for one in card["from"]["files"]] == ["g.parquet", "b.jsonl.gz"]
    report = (tmp_path / "one" / "report.html").read_text()
    assert "Not usable" in report
    assert "Reliability" in report
    assert "<script" not in report


def test_the_command_from_what_wikipedia_cites(tmp_path: Path) -> None:
    good, bad = rows(300, "good"), rows(300, "bad")
    for number, row in enumerate(good):
        row["url"] = f"http://www.cited{number % 50}.example/{number}"
    bad[0]["url"], bad[1]["url"] = "http://de.wikipedia.org/wiki/X", ""
    (tmp_path / "hosts.tsv").write_text(
        "host\tn\n" + "".join(f"cited{number}.example\t2\n" for number in range(50))
    )
    pages = write(tmp_path / "pages.parquet", [*good, *bad])
    links = tmp_path / "hosts.tsv"
    done = sluice(
        *(
            "filters",
            "train",
            "--wikipedia",
            links,
            "--pages",
            pages,
            "--level",
            "host",
            "--out",
            tmp_path / "m",
        ),
        *FAST,
    )
    assert "leave-domain-out AUC (level: host): 0.9" in done.stdout
    assert "length and address alone" in done.stdout
    assert "level: host; 50 different hosts" in done.stderr
    card = json.loads((tmp_path / "m" / "card.json").read_text())
    facts = card["from"]
    assert (facts["rows"]["cited"], facts["rows"]["not_cited"]) == (300, 298)
    assert (facts["rows"]["of_wikimedia"], facts["rows"]["no_address"]) == (1, 1)
    assert card["labels"]["cited"] == card["labels"]["other"]
    curve = card["metrics"]["kept"]["curve"]
    assert curve[0]["pages"] == 1.0
    assert all(a["pages"] >= b["pages"] for a, b in pairwise(curve))
    assert card["metrics"]["bias"]["top_level_domains"][0]["name"] == "example"


def test_the_command_from_labels(tmp_path: Path) -> None:
    data = write(tmp_path / "l.jsonl.gz", [*rows(80, "good"), *rows(80, "bad")])
    words = ("filters", "train", "--labelled", data, "--label-column", "topic", *FAST)
    done = sluice(*words, "--out", tmp_path / "all", "--quantize", "--min-characters", "1")
    assert "accuracy on unseen domains: " in done.stdout
    assert (tmp_path / "all" / "model.ftz").is_file()
    done = sluice(*words, "--out", tmp_path / "one", "--positive-label", "good", "--json")
    card = json.loads(done.stdout)
    assert (card["positive"], sorted(card["labels"])) == ("good", ["good", "rest"])
    assert card["metrics"]["auc"]["value"] > 0.9


def test_usage_errors_are_one_line(tmp_path: Path) -> None:
    data = write(tmp_path / "l.jsonl.gz", rows(30, "good"))
    (tmp_path / "other.txt").write_text("elsewhere.example\n")
    out = ("--out", tmp_path / "m")
    for words, said in (
        ((), "name --positives and --negatives"),
        (("--positives", data), "--negatives: no path"),
        (("--positives", data, "--negatives", tmp_path / "none.parquet"), "none.parquet: no such file"),
        (("--labelled", data, "--label-column", "missing"), "no column `missing`"),
        (("--labelled", data, "--label-column", "topic"), "one class only (good)"),
        (("--labelled", data, "--label-column", "topic", "--positive-label", "x"), "no such value"),
        (
            ("--wikipedia", tmp_path / "other.txt", "--pages", data),
            "no page of --pages is cited (level: domain)",
        ),
        (("--wikipedia", tmp_path / "other.txt", "--pages", data, "--level", "hots"), "did you mean `host`?"),
        (("--positives", data, "--negatives", data, "--set", "epochs=2"), "did you mean `epoch`?"),
        (("--positives", data, "--negatives", data, "--set", "epoch=none"), "--set: Expected `int`"),
    ):
        done = sluice("filters", "train", *words, *out, check=False)
        assert done.returncode in (1, 2), words
        assert said in done.stderr, done.stderr
        assert "Traceback" not in done.stderr


def test_rows_that_are_no_examples_are_counted(tmp_path: Path) -> None:
    documents = [{"text": "x" * 50}, {"text": "short"}, {"text": None}, {"text": " "}]
    reading = Reading([], Counter())
    path = write(tmp_path / "a.parquet", documents)
    assert len(list(read("--positives", [str(path)], reading, label="a", least=20))) == 1
    assert reading.counts == {"read": 1, "too_short": 1, "no_text": 2}
