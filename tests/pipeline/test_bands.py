"""Published removal shares are compared with what a run shows, of what reached each filter."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pipeline.bands import judge
from pipeline.errors import UsageError
from pipeline.recipe import Recipe, read
from tests.pipeline.conftest import sluice


def recipe(bands: str) -> Recipe:
    return read(f"name: r\nfilters: [language, gopher_quality, c4]\nbands: {bands}\n", "r.yaml")


DROPPED = {
    "documents": {
        "extract.empty": 100,
        "language.language": 400,
        "gopher_quality.short": 100,
        "c4.sentences": 100,
    },
    "characters": {"language.language": 4000, "gopher_quality.short": 600, "c4.sentences": 540},
}
TOTAL = {"documents": 2000, "characters": 10_000}


def test_shares_are_of_what_reached_the_filter() -> None:
    made = recipe(
        "{language: {low: .2, high: .22}, gopher_quality.short: {low: .1, high: .2},"
        " c4: {low: .1, high: .1, by: characters, source: here}}"
    )
    language, short, c4 = judge(made, TOTAL, DROPPED)
    assert (language.reached, language.inside) == (1900, True)
    assert language.share == pytest.approx(400 / 1900)
    assert short.share == pytest.approx(100 / 1500)
    assert short.inside is False
    assert str(short) == (
        "gopher_quality.short removed 6.7 % of documents that reached it, outside its published 10 to 20 %"
    )
    assert c4.share == pytest.approx(540 / 5400)
    assert c4.inside is True


def test_few_documents_are_not_judged() -> None:
    found = judge(recipe("{language: {low: .9, high: 1}}"), {"documents": 499, "characters": 1}, DROPPED)
    assert found[0].inside is None


def test_bands_of_unknown_rules_are_refused() -> None:
    with pytest.raises(UsageError, match=r"bands\.gopher_qualty: the recipe has no such .*`gopher_quality`"):
        recipe("{gopher_qualty: {low: 0, high: 1}}")
    with pytest.raises(UsageError, match=r"bands\.c4\.low: above high"):
        recipe("{c4: {low: .5, high: .1}}")


def test_filters_set_in_their_place_take_their_bands_and_canaries_away() -> None:
    written = (
        "name: r\nfilters: [language, gopher_quality]\n"
        "bands: {gopher_quality: {low: 0, high: 1}, language: {low: 0, high: 1}}\n"
        "canaries: [{text: short, drop: gopher_quality.short}, {text: other}]\n"
    )
    made = read(written, "r.yaml", ["filters=[language]"])
    assert list(made.bands) == ["language"]
    assert [one.text for one in made.canaries] == ["other"]
    fewer = written.replace(", gopher_quality]", "]").replace("gopher_quality: {low: 0, high: 1}, ", "")
    with pytest.raises(
        UsageError, match=r"canaries\[0\]\.drop: the recipe has no rule gopher_quality\.short"
    ):
        read(fewer, "r.yaml")
    with pytest.raises(UsageError, match=r"bands\.c4: the recipe has no such filter or rule"):
        read(written, "r.yaml", ["filters=[language]", "bands.c4={low: 0, high: 1}"])


def test_without_filters_bands_say_nothing() -> None:
    made = read("name: r\nfilters: null\nbands: {c4: {low: 0, high: 1}}\n", "r.yaml")
    assert judge(made, TOTAL, DROPPED) == []


def test_a_run_outside_a_band_is_told_so(sample: Path, tmp_path: Path) -> None:
    (tmp_path / "r.yaml").write_text(
        "name: r\nextract: {extractor: resiliparse}\nfilters: [gopher_quality]\n"
        "bands: {gopher_quality: {low: .9, high: 1, source: a paper}}\n"
    )
    from pipeline import bands

    words = ["--input", sample, "--out", tmp_path / "run", "--until", "filter"]
    done = sluice("run", tmp_path / "r.yaml", *words)
    counts = json.loads(sluice("stats", tmp_path / "run", "--json").stdout)
    told = counts["bands"][0]
    assert told["reached"] < bands.FEWEST
    assert told["inside"] is None
    assert "outside its published" not in done.stderr
    assert 0 < told["share"] < 0.9
