"""The cascade on real pages: what it screens the full road drops too, and all that it leaves open is as without it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from filters.cascade import COLUMNS, REASON, Look
from pipeline.cascade import (
    EXTRACTED,
    LOOKED_AT,
    Cascade,
    look_columns,
    look_then_extract,
    screen_for,
    screened_row,
    settings,
    table,
)
from pipeline.extract import Tally, extract_range
from pipeline.extraction import CHEAP, EXTRACTORS, extract_page
from pipeline.extraction.visible import visible_text
from pipeline.recipe import load
from pipeline.stages import STAGES
from pipeline.stats import spared_core_seconds
from tests.pipeline.conftest import rows, sluice, stats

pytestmark = pytest.mark.xdist_group("cascade")

LOST = 0.005  # of what the full road keeps


@pytest.fixture(scope="module")
def arms(piece: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The same pages with the cascade and without."""
    folder = tmp_path_factory.mktemp("arms")
    words = ["run", "fineweb", "--input", piece, "--until", "filter"]
    sluice(*words, "--out", folder / "on")
    sluice(*words, "--out", folder / "off", "--set", "extract.cascade=null")
    return folder / "on", folder / "off"


def test_screened_pages_would_be_dropped_anyway(arms: tuple[Path, Path]) -> None:
    on, off = arms
    dropped, kept = rows(on, "dropped"), rows(on, "documents")
    before = rows(off, "documents")
    screened = {id_: row for id_, row in dropped.items() if row[REASON] is not None}
    assert len(screened) > 0.2 * (len(dropped) + len(kept))
    lost = set(before) & set(screened)
    assert len(lost) <= max(1, LOST * len(before))
    assert set(before) - set(kept) == lost
    assert set(kept) <= set(before)
    assert all(before[id_] == row for id_, row in kept.items())
    also = rows(off, "dropped")
    same = [id_ for id_, row in dropped.items() if id_ not in screened]
    assert all({**also[id_], REASON: None} == dropped[id_] for id_ in same)
    agreeing = sum(also[id_]["reason"] == row["reason"] for id_, row in screened.items() if id_ in also)
    assert agreeing > 0.9 * len(screened)


def test_a_screened_page_keeps_its_cheap_signals_alone(arms: tuple[Path, Path]) -> None:
    on, _ = arms
    screened = [row for row in rows(on, "dropped").values() if row[REASON] is not None]
    for row in screened:
        assert row["reason"] == row[REASON] == row["reasons"][0]
        assert row["url_domain"] is not None
        assert row["c4_sentences"] is None
        assert row["title"] is None
        assert (row["language"] is None) == row[REASON].startswith("url.")
    texts = rows(on, "extracted")
    assert all(texts[row["id"]]["text"] is None for row in screened)
    assert all(row["text"] is not None for row in texts.values() if row[REASON] is None)


def test_counts_add_up_and_say_what_was_screened(arms: tuple[Path, Path]) -> None:
    on, off = (stats(run) for run in arms)
    for found in (on, off):
        fates = ("skipped", "failed", "dropped", "duplicates", "removed")
        assert found["records"] == sum(sum(found[name].values()) for name in fates) + found["corpus"]
    screened = [row for row in rows(arms[0], "dropped").values() if row[REASON] is not None]
    assert sum(on["screened"].values()) == len(screened)
    assert on["spared_core_seconds"] is not None
    assert off["screened"] == {}
    assert off["spared_core_seconds"] is None
    assert "screened by a cheap look" in sluice("stats", arms[0]).stdout
    assert spared_core_seconds([]) is None


def test_why_and_report_tell_of_it(arms: tuple[Path, Path]) -> None:
    on, _ = arms
    id_, row = next((id_, row) for id_, row in rows(on, "dropped").items() if row[REASON] is not None)
    story = json.loads(sluice("why", on, id_, "--json").stdout)
    assert story["screened"] == row[REASON] == story["reason"]
    assert {one["failed"] for one in story["rules"] if one["value"] is None} == {False}
    assert "its main text was not extracted" in sluice("why", on, id_).stdout
    sluice("report", on)
    assert "NaN" not in (on / "report.html").read_text()


def test_the_verb_extract_screens_nothing(piece: Path, tmp_path: Path) -> None:
    sluice("extract", "--input", piece, "--out", tmp_path / "text", "--set", "extract.extractor=resiliparse")
    assert all(row["text"] is not None for row in rows(tmp_path / "text", "extracted").values())


def test_cheap_extractors_are_screened_by_address_alone() -> None:
    for extractor in EXTRACTORS:
        screen = screen_for(load("fineweb", [f"extract.extractor={extractor}"]))
        assert screen is not None
        assert screen.looks == (extractor not in CHEAP)


def fingerprint(*pairs: str) -> object:
    return STAGES["extract"].settings(load("fineweb", pairs))


def test_thresholds_count_only_while_they_screen() -> None:
    pairs = (
        "filters.language.min_score=0.5",
        "filters.gopher_quality.min_words=40",
        "filters.url.min_domain=null",
    )
    for pair in pairs:
        assert fingerprint(pair) != fingerprint(), pair
        assert fingerprint(pair, "extract.cascade=null") == fingerprint("extract.cascade=null"), pair
    assert fingerprint("extract.cascade.words=0.8") != fingerprint()
    assert fingerprint("filters.gopher_quality.max_words=40") == fingerprint()
    assert fingerprint("filters=null") == fingerprint("filters=null", "extract.cascade=null")
    cheap = "extract.extractor=resiliparse"
    assert fingerprint(cheap, pairs[0]) == fingerprint(cheap)
    assert fingerprint(cheap, pairs[2]) != fingerprint(cheap)
    assert settings(load("fineweb", ["extract.cascade=null"])) is None


PAGE = "<html lang=en><title>A page</title><body><p>{}</p></body></html>"
ENGLISH = "The house stands on the hill, and people walk there to see what the sea has brought. " * 20


def test_the_child_looks_first_and_extracts_what_is_open() -> None:
    import msgspec

    screen = screen_for(load("fineweb"))
    assert screen is not None
    encoded = msgspec.json.encode(screen).decode()
    whole = look_then_extract(PAGE.format(ENGLISH), "", ["trafilatura"], "precision", False, encoded)
    assert whole._replace(look=None) == extract_page(
        PAGE.format(ENGLISH), "", ["trafilatura"], "precision", comments=False
    )
    cascade = Cascade(screen)
    assert cascade.rule(whole.look) is None
    german = "Das Haus steht auf dem Hügel, und die Leute gehen dorthin, um das Meer zu sehen. " * 20
    spared = look_then_extract(PAGE.format(german), "", ["trafilatura"], "precision", False, encoded)
    assert (spared.text, spared.title) == ("", None)
    assert cascade.rule(spared.look) == "language.language"
    assert cascade.rule(None) is None
    odd = visible_text(PAGE.format("a\0b&#xD800;c"))
    assert "\0" not in odd
    assert odd.encode()  # no lone surrogate
    assert cascade.addresses(["http://example.com/"]) == [None]


def test_rows_of_screened_pages() -> None:
    row = {"id": "a", "url": "u", "date": None, "language_declared": "en", "warc_offset": 3}
    made = screened_row(row, "language.score", Look(5, 1, "en", 0.1))
    assert "language_declared" not in made
    assert (made[REASON], made["cascade_words"], made["warc_offset"]) == ("language.score", 1, 3)
    assert look_columns(None) == {}
    screen = screen_for(load("fineweb"))
    assert screen is not None
    assert table([made], screen).schema == LOOKED_AT
    assert set(LOOKED_AT.names) - set(EXTRACTED.names) == {REASON, *COLUMNS}
    assert table([], None).schema == EXTRACTED
    for rows_of in (screen, None):
        with pytest.raises(ValueError, match="not columns"):
            table([{"nonsense": 1}], rows_of)


def test_a_range_is_counted_whole(piece: Path) -> None:
    recipe = load("fineweb", ["extract.extractor=resiliparse"])
    tally = Tally()
    parts = list(extract_range(str(piece), 0, 1 << 20, recipe.extract, tally, screen_for(recipe)))
    assert tally.documents == sum(part.documents.num_rows for part in parts)
    assert tally.records == sum(tally.skipped.values()) + sum(tally.failed.values()) + tally.documents
    assert tally.costs["full_characters"] > 0
