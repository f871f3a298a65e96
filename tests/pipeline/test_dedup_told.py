"""What is said of duplicates: tokens lost by year and scope, clusters, error rates, and each document's story."""

from __future__ import annotations

import io
import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from rich.console import Console

from pipeline.cli import inspect
from pipeline.cli.run import plan
from pipeline.dedup.lost import YearLoss, by_year, lines
from pipeline.dedup.sample import Sample
from pipeline.dedup.settings import DedupSettings, UrlSettings
from pipeline.errors import UserError
from pipeline.estimate import estimate
from pipeline.progress import summary
from pipeline.recipe import read
from pipeline.report import write_report
from pipeline.report.funnel import funnel
from pipeline.report.run import open_run
from pipeline.stats import stats
from pipeline.store import open_folder
from tests.pipeline.conftest import rows, sluice

RECIPE = """
name: told
filters: []
dedup: {scope: %s, url: {variant: whatwg}}
"""
OLD, NEW = "CC-MAIN-2013-20", "CC-MAIN-2024-10"
TOKENS = 4.4  # bytes, of the shared estimate


def text(seed: int, changed: int = 0) -> str:
    """200 drawn words, the last few of which may be others."""
    draw = random.Random(seed)
    words = ["".join(draw.choices("abcdefghij", k=draw.randint(3, 9))) for _ in range(200)]
    return " ".join([*words[: 200 - changed], *(f"other{chr(97 + at)}" for at in range(changed))])


# Of which document each is a copy, within its crawl and among all.
DOCUMENTS: list[tuple[str, str, str | None, str, str, str]] = [
    (OLD, "a", "http://a.com/", text(1), "", ""),
    (OLD, "b", "HTTP://A.com:80/#x", text(2), "a url", "a url"),
    (OLD, "c", "http://c.com/", text(3), "", ""),
    (OLD, "d", "http://d.com/", text(3).upper(), "c exact", "c exact"),
    (OLD, "e", "http://e.com/", text(4), "", ""),
    (OLD, "f", None, text(4, 3), "e minhash", "e minhash"),
    (NEW, "g", "http://a.com/", text(5), "", "a url"),
    (NEW, "h", "http://h.com/", text(3), "", "c exact"),
    (NEW, "i", "http://i.com/", text(4, 5), "", "e minhash"),
    (NEW, "j", "http://j.com/", text(6), "", ""),
    (NEW, "k", None, text(6), "j exact", "j exact"),
]


def losses(of: int) -> dict[str, YearLoss]:
    """What is lost of each year where the copies are those that column `of` of the documents names."""
    found = {}
    for year, crawls in (("2013", [OLD]), ("2024", [NEW]), ("all", [OLD, NEW])):
        sizes = [(len(one[3]), bool(one[of])) for one in DOCUMENTS if one[0] in crawls]
        whole, lost = sum(size for size, _ in sizes), sum(size for size, copy in sizes if copy)
        found[year] = YearLoss(year, round(whole / TOKENS), round(lost / TOKENS), round(lost / whole, 6))
    return found


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder = tmp_path_factory.mktemp("crawls")
    paths = []
    for crawl, name in ((OLD, "a.jsonl"), (NEW, "b.jsonl")):
        path = folder / crawl / name
        path.parent.mkdir()
        mine = [{"id": one[1], "url": one[2], "text": one[3]} for one in DOCUMENTS if one[0] == crawl]
        path.write_text("\n".join(map(json.dumps, mine)))
        paths.append(str(path))
    return paths


@pytest.fixture(scope="module")
def run(inputs: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("told")
    recipe = out / "told.yaml"
    recipe.write_text(RECIPE % "crawl")
    words = [word for path in inputs for word in ("--input", path)]
    sluice("run", recipe, *words, "--out", out / "run", "--until", "corpus")
    return out / "run"


def table() -> pa.Table:
    crawl, _, url, texts, _, _ = zip(*DOCUMENTS, strict=True)
    files = [f"{one}/a.warc" for one in crawl]
    columns = {"warc_file": files, "url": list(url), "text": pa.array(texts, pa.large_string())}
    return pa.table({**columns, "language": ["en"] * 10 + ["de"], "date": pa.nulls(11, pa.string())})


def test_rows_go_by_year_and_add_up() -> None:
    found = by_year({"2024": 880, "0": 44, "2013": 440, "2020": 0}, {"2013": 110, "0": 44})
    assert found == [
        YearLoss("2013", 100, 25, 0.25),
        YearLoss("2024", 200, 0, 0.0),
        YearLoss("unknown", 10, 10, 1.0),
        YearLoss("all", 310, 35, round(154 / 1364, 6)),
    ]
    assert by_year({}, {}) == []
    shown = list(lines({"crawl": found, "global": found}))
    assert len({len(line) for line in shown}) == 1
    assert shown[1].split() == ["2013", "100", "25", "25.0", "%", "25", "25.0", "%"]


def test_a_sample_loses_what_each_scope_removes() -> None:
    sample = Sample(table(), DedupSettings(url=UrlSettings()), "")
    copies = {"crawl": 4, "global": 5}
    for scope, column in copies.items():
        expected = [bool(one[column]) for one in DOCUMENTS]
        assert sample.removed(scope).tolist() == expected  # type: ignore[arg-type]
        assert sample.lost(scope) == list(losses(column).values())  # type: ignore[arg-type]
    german = [bool(one[5]) and one[1] != "k" for one in DOCUMENTS]
    assert sample.removed("language").tolist() == german


def test_kinds_that_are_off_remove_nothing_and_the_policy_chooses() -> None:
    def removed(settings: DedupSettings) -> str:
        gone = Sample(table(), settings, "").removed("global")
        return "".join(one[1] for one, out in zip(DOCUMENTS, gone.tolist(), strict=True) if out)

    assert removed(DedupSettings(exact=False, minhash=None, url=UrlSettings())) == "bg"
    assert removed(DedupSettings(minhash=None)) == "dhk"
    assert removed(DedupSettings(exact=False)) == "dfhik"  # near pairs are found among equal ones, too
    longest = max((one for one in DOCUMENTS if one[1] in "efi"), key=lambda one: len(one[3]))[1]
    assert longest not in removed(DedupSettings(keep="longest"))
    assert sorted([*removed(DedupSettings(keep="longest")), longest]) == sorted("dhkefi")
    with pytest.raises(UserError, match="no numeric column"):
        removed(DedupSettings(keep="best(quality)"))


def test_no_documents_lose_nothing() -> None:
    sample = Sample(table().slice(0, 0), DedupSettings(url=UrlSettings()), "")
    assert sample.removed("global").tolist() == []
    assert sample.lost("crawl") == []


def test_a_run_counts_kinds_clusters_and_lost_tokens(run: Path) -> None:
    found = stats(open_folder(run))
    assert found["duplicates"] == {"exact": 2, "minhash": 1, "url": 1}
    assert found["clusters"] == {"2": 4}
    assert [YearLoss(**row) for row in found["lost_by_year"]] == list(losses(4).values())
    pairs = found["pairs"]
    assert (pairs["compared"], pairs["rejected"], pairs["capped"]) == (1, 0, 0)
    assert pairs["false"]["share"] == 0.0
    assert 0.0 <= pairs["missed"]["low"] <= pairs["missed"]["share"] <= pairs["missed"]["high"] < 1.0
    gone = rows(run, "duplicates")
    assert {id_: f"{row['duplicate_of']} {row['kind']}" for id_, row in gone.items()} == {
        one[1]: one[4] for one in DOCUMENTS if one[4]
    }


def test_the_summary_says_it_in_words(run: Path) -> None:
    out = io.StringIO()
    summary(stats(open_folder(run)), Console(file=out, width=200))
    shown = out.getvalue()
    assert "clusters of duplicates: 4, the largest of 2 documents" in shown
    assert "near pairs compared: 1, 0 rejected; false candidates 0.00 %" in shown
    by_word = [line.split() for line in shown.splitlines()]
    old = losses(4)["2013"]
    assert ["2013", f"{old.tokens:,}", f"{old.lost:,}", f"{100 * old.share:.1f}", "%"] in by_word


def test_a_run_without_duplicates_says_nothing_of_them(inputs: list[str], tmp_path: Path) -> None:
    (tmp_path / "plain.yaml").write_text("name: plain\nfilters: []\ndedup: null\n")
    sluice(
        "run", tmp_path / "plain.yaml", "--input", inputs[0], "--out", tmp_path / "run", "--until", "corpus"
    )
    found = stats(open_folder(tmp_path / "run"))
    assert (found["clusters"], found["pairs"], found["lost_by_year"]) == ({}, {}, [])
    out = io.StringIO()
    summary(found, Console(file=out, width=200))
    assert "duplicates" not in out.getvalue()


@pytest.mark.parametrize(
    ("id_", "said"),
    [
        ("b", "duplicate   of a (url)"),
        ("d", "duplicate   of c (exact, similarity 1.00)"),
        ("f", "duplicate   of e (minhash, similarity 0.9"),
        ("c", "cluster     stands for 2 documents of the cluster c"),
        ("http://c.com/", "cluster     stands for 2 documents of the cluster c"),
    ],
)
def test_why_tells_copies_and_clusters(
    run: Path, id_: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    inspect.why(str(run), id_)
    assert said in capsys.readouterr().out


def test_why_of_a_page_without_copies_has_no_cluster(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    inspect.why(str(run), "g", json=True)
    story = json.loads(capsys.readouterr().out)
    assert (story["fate"], "cluster" in story, "duplicate" in story) == ("corpus", False, False)
    inspect.why(str(run), "b", json=True)
    assert json.loads(capsys.readouterr().out)["duplicate"]["similarity"] is None


def test_the_report_has_a_step_for_each_kind_and_the_tables(run: Path) -> None:
    opened = open_run(open_folder(run))
    steps = {step.name: step for step in funnel(opened)}
    kinds = ["after equal addresses", "after exact duplicates", "after near duplicates"]
    assert [name for name in steps if name in kinds] == kinds
    assert [steps[name].removed for name in kinds] == [1, 2, 1]
    assert [steps[name].why for name in kinds] == [{"url": 1}, {"exact": 2}, {"minhash": 1}]
    assert steps["corpus"].left == opened.counts["corpus"] == 7
    page = written(run)
    for mark in ('data-duplicates="url"', 'data-rate="missed pairs"', 'data-year="2013"', 'data-year="all"'):
        assert mark in page


def written(run: Path) -> str:
    write_report(open_folder(run))
    return (run / "report.html").read_text("utf-8")


def planned(inputs: list[str], scope: str, out: Path | None = None) -> dict[str, Any]:
    return estimate(read(RECIPE % scope, "told.yaml"), inputs, None if out is None else str(out), 100, 0.04)


def test_plan_measures_what_each_scope_takes_of_its_sample(inputs: list[str]) -> None:
    lost = planned(inputs, "language")["lost_by_year"]
    assert lost["measured_on"] == "sample"
    assert list(lost["scopes"]) == ["language", "crawl", "global"]
    # The sample is of the first file: its year has lost what the run, too, finds in it.
    for found in lost["scopes"].values():
        assert [row["year"] for row in found] == ["2013", "all"]
        assert YearLoss(**found[0]) == losses(4)["2013"]


def test_plan_tells_what_the_run_has_counted(inputs: list[str], run: Path) -> None:
    lost = planned(inputs, "global", run)["lost_by_year"]
    assert lost["measured_on"] == "run"
    assert {scope: [YearLoss(**row) for row in found] for scope, found in lost["scopes"].items()} == {
        "crawl": list(losses(4).values())
    }


@pytest.mark.parametrize(
    ("scope", "files", "noted"), [("global", 2, True), ("global", 1, False), ("crawl", 2, False)]
)
def test_plan_warns_of_near_duplicates_over_several_crawls(
    inputs: list[str], scope: str, files: int, noted: bool
) -> None:
    findings = planned(inputs[:files], scope)["findings"]
    found = [one for one in findings if one["where"] == "dedup.scope"]
    assert len(found) == noted
    assert all(one["severity"] == "note" and "all 2 crawls" in one["problem"] for one in found)


def test_plan_prints_the_table(inputs: list[str], run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recipe = str(run.parent / "told.yaml")
    plan(recipe, inputs, None, [])
    shown = capsys.readouterr().out
    assert "a sample finds fewer than the whole input" in shown
    assert "crawled in" in shown
    plan(recipe, inputs, str(run), [])
    again = capsys.readouterr().out
    assert "tokens lost to duplicates in the run, estimated" in again
    assert f"{losses(4)['2024'].lost:,}" in again


def test_a_share_is_one_of_characters_not_of_rounded_tokens() -> None:
    found = by_year({"2013": 3}, {"2013": 1})
    assert np.isclose(found[0].share, 1 / 3, atol=1e-6)
