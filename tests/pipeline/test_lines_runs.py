"""Runs that cut repeated lines, against the published algorithms in plain Python, wherever a recipe cuts them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from filters.ccnet import normal_form
from pipeline.dedup import runs as sorted_runs
from pipeline.dedup.cut_lines import sentences
from pipeline.dedup.settings import DEDUP_STAGES as DEDUP
from pipeline.dedup.settings import LINES_STAGES as LINES
from pipeline.engine.task import Done, Event, Task, perform
from pipeline.errors import UsageError
from pipeline.inputs import find_inputs
from pipeline.recipe import load, read
from pipeline.retune import retuning
from pipeline.road import Road, active_stages, order_of, stages_of
from pipeline.stages import STAGES
from pipeline.store import open_folder
from tests.pipeline.conftest import rows, sets, sluice, stats
from tests.pipeline.test_mishaps import Silent
from tests.pipeline.test_text_bytes import counted, size, total

pytestmark = pytest.mark.xdist_group("lines")

RECIPE = """name: lines
filters: null
pii: null
dedup: {exact: false, minhash: null, lines: {variant: c4}}
"""
FEWEST = 12  # sentences: more than the published 3, as no page of the piece has so few


class Here:
    """An engine that works in this process, one shard after the other."""

    name = "here"

    def run(self, tasks: Sequence[Task], on_event: Callable[[Event], None], alone: bool = False) -> None:
        """Run all tasks."""
        for task in tasks:
            on_event(Done(task=task, receipt=perform(task, lambda data: None)))

    def stop(self, signal_number: int) -> None:
        """Nothing runs by the time anybody can ask."""

    def close(self) -> None:
        """Nothing is held."""


def walk(recipe: Path, inputs: Sequence[Path], out: Path, pairs: Sequence[str] = ()) -> Path:
    made, files = load(str(recipe), pairs), find_inputs([str(path) for path in inputs])
    active = stages_of(made, files, None, "corpus")
    road = Road(folder=open_folder(out), recipe=made, files=files, active=active, whole=active)
    road.prepare(accept_changed=False)
    road.walk(Here, Silent())
    return out


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("recipe") / "lines.yaml"
    path.write_text(RECIPE)
    return path


@pytest.fixture(scope="module")
def pages(piece: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The texts of real pages, those of one site beside each other, in three files of documents."""
    folder = tmp_path_factory.mktemp("pages")
    sluice("extract", "--input", piece, "--out", folder / "run", "--extractor", "resiliparse")
    found = sorted(rows(folder / "run", "extracted").values(), key=lambda row: row["url"])
    files = []
    for part in range(3):
        files.append(folder / f"part{part}.parquet")
        mine = [
            {name: row[name] for name in ("id", "url", "text")} for row in found[part * 90 : part * 90 + 90]
        ]
        pq.write_table(pa.Table.from_pylist(mine), files[-1])
    return files


def documents(files: Sequence[Path]) -> list[dict[str, Any]]:
    return [row for file in files for row in pq.read_table(file).to_pylist()]


def c4(found: Sequence[dict[str, Any]]) -> dict[str, list[str]]:
    """What `remove_duplicate_text` of C4's code leaves of each page, without its blank lines."""

    def md5(text: str) -> str:
        return hashlib.md5(text.encode()).hexdigest()

    selected: dict[str, str] = {}
    for row in found:
        for line in row["text"].split("\n"):
            one = selected.setdefault(md5(line.strip().lower()), row["url"])
            selected[md5(line.strip().lower())] = min(one, row["url"], key=md5)
    left: dict[str, list[str]] = {}
    for row in found:
        seen: set[str] = set()
        left[row["id"]] = []
        for line in row["text"].split("\n"):
            hashed = md5(line.strip().lower())
            if selected[hashed] == row["url"] and hashed not in seen and line.strip():
                left[row["id"]].append(line)
            seen.add(hashed)
    return left


def ccnet(found: Sequence[dict[str, Any]]) -> dict[str, list[str]]:
    """What `deduplicate` of cc_net, which keeps first occurrences, leaves of each page, without its blank lines."""
    seen: set[bytes] = set()
    left: dict[str, list[str]] = {}
    for row in found:
        left[row["id"]] = []
        for line in row["text"].split("\n"):
            hashed = hashlib.sha1(normal_form(line).encode()).digest()[:8]
            if hashed not in seen and line.strip():
                left[row["id"]].append(line)
            if line.strip():
                seen.add(hashed)
    return left


@pytest.mark.parametrize(("variant", "published"), [("c4", c4), ("ccnet", ccnet)])
def test_what_is_left_is_what_the_published_code_leaves(
    variant: str,
    published: Callable[[Sequence[dict[str, Any]]], dict[str, list[str]]],
    pages: list[Path],
    recipe: Path,
    tmp_path: Path,
) -> None:
    pairs = [f"dedup.lines.variant={variant}", f"dedup.lines.min_sentences={FEWEST}"]
    run = walk(recipe, pages, tmp_path / "run", pairs)
    found, expected = documents(pages), published(documents(pages))
    old = {row["id"]: [line for line in row["text"].split("\n") if line.strip()] for row in found}
    touched = {id_ for id_, left in expected.items() if left != old[id_]}
    ids = sorted(touched)
    counted = sentences(["\n".join(expected[id_]) for id_ in ids])
    gone = {id_ for id_, number in zip(ids, counted, strict=True) if number < FEWEST}
    assert len(touched) > 60
    assert len(gone) >= 5
    corpus = rows(run, "corpus")
    assert {
        id_: [line for line in row["text"].split("\n") if line.strip()] for id_, row in corpus.items()
    } == {id_: left for id_, left in expected.items() if id_ not in gone}
    assert set(rows(run, "duplicates")) == gone
    cut = rows(run, "cut")
    assert set(cut) == touched
    assert {id_ for id_, row in cut.items() if row["emptied"]} == gone
    counts = stats(run)
    assert counts["duplicates"] == {"lines": len(gone)}
    assert counts["corpus"] == len(found) - len(gone)
    assert counts["lines"] == {
        "lines": sum(map(len, old.values())),
        "lines_cut": sum(len(old[id_]) - len(expected[id_]) for id_ in touched),
        "characters_cut": sum(row["characters"] for row in cut.values()),
        "documents_touched": len(touched),
        "documents_emptied": len(gone),
    }
    texts = {row["id"]: row["text"] for row in found}
    assert all(corpus[id_]["text"] == texts[id_] for id_ in set(corpus) - touched)
    bytes_counted(run, [size(row) for row in found if row["id"] in gone])


def bytes_counted(run: Path, emptied: Sequence[int]) -> None:
    """Bytes that are read are cut, go with duplicates, or are in the corpus."""
    lines, last = counted(run, "cut_lines"), counted(run, "corpus")
    assert lines.get("duplicate_bytes", {"lines": 0}) == {"lines": sum(emptied)}
    others = counted(run, "dedup").get("duplicate_bytes", {})
    assert last["bytes"] == total(run, "corpus")
    gone = lines["bytes_cut"] + sum(emptied) + sum(others.values())
    assert last["in_bytes"] == last["bytes"] + gone > last["bytes"]


def published_files(run: Path) -> dict[str, str]:
    return {
        f"{under}/{path.name}": hashlib.sha256(path.read_bytes()).hexdigest()
        for under in ("cut", "duplicates", "corpus")
        for path in sorted((run / under).iterdir())
    }


def test_workers_runs_and_ranges_of_keys_change_nothing(
    pages: list[Path], recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["run", recipe, *(word for page in pages for word in ("--input", page)), "--until", "corpus"]
    for workers in (1, 3):
        sluice(*words, "--workers", workers, "--out", tmp_path / str(workers))
    assert stats(tmp_path / "1")["digest"] == stats(tmp_path / "3")["digest"]
    monkeypatch.setattr(sorted_runs, "RUN_ENTRIES", 700)
    monkeypatch.setattr(sorted_runs, "PARTITION_ENTRIES", 900)
    small = walk(recipe, pages, tmp_path / "small")
    assert len(list((small / "line_keys").iterdir())) > 6
    assert len(list((small / "repeated_lines").iterdir())) >= 8
    assert published_files(small) == published_files(tmp_path / "1") != {}


def written(path: Path, found: Sequence[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in found))
    return path


BODY = ["The ferry leaves at noon.", "It comes back before the evening.", "Nobody waits for it in winter."]
MENU = "Home | About us | Contact"


@pytest.fixture
def few(tmp_path: Path) -> Path:
    """Pages of one site with a menu, a copy, a page of menus alone, and pages without any line."""
    own = ["\n".join([MENU, *(f"{line[:-1]} {name}." for line in BODY)]) for name in ("Ann", "Bob", "Cleo")]
    every = [
        *own,
        own[0],
        f"{MENU.upper()}\r\n\r\n{MENU}",
        " \n\n",
        "",
        f"Once.\n\n{MENU}\n\nTwice. Thrice! Done?",
    ]
    found = [{"id": f"d{at}", "url": f"http://a.example/{at}", "text": text} for at, text in enumerate(every)]
    return written(tmp_path / "few.jsonl", found)


@pytest.mark.parametrize("order", ["[exact, lines]", "[lines, exact]"])
def test_first_and_last(order: str, few: Path, recipe: Path, tmp_path: Path) -> None:
    pairs = ["dedup.exact=true", "dedup.lines.variant=ccnet", f"dedup.order={order}"]
    run = walk(recipe, [few], tmp_path / "run", pairs)
    listed, corpus = (rows(run, under) for under in ("duplicates", "corpus"))
    duplicates = {id_: row for id_, row in listed.items() if row["kind"] == "exact"}
    emptied = {id_: row for id_, row in listed.items() if row["kind"] == "lines"}
    assert "d3" in (duplicates if order == "[exact, lines]" else emptied)
    assert "d4" in emptied
    assert emptied["d4"] == {"id": "d4", "duplicate_of": None, "kind": "lines", "similarity": None}
    assert len(duplicates) + len(emptied) == len(listed)
    assert set(corpus) == {f"d{at}" for at in range(8)} - set(duplicates) - set(emptied)
    assert corpus["d0"]["text"].startswith(MENU)
    assert corpus["d1"]["text"] == "\n".join(f"{line[:-1]} Bob." for line in BODY)
    assert corpus["d7"]["text"] == "Once.\n\nTwice. Thrice! Done?"
    counts = stats(run)
    assert counts["duplicates"] == {
        **({"exact": len(duplicates)} if duplicates else {}),
        "lines": len(emptied),
    }
    assert counts["records"] == 8 == counts["corpus"] + len(duplicates) + len(emptied)
    texts = documents_of(few)
    bytes_counted(run, [len(texts[id_].encode()) for id_ in emptied])
    # Removed documents took no part in the search for lines.
    assert counts["lines"]["lines"] == 4 * (4 if order == "[lines, exact]" else 3) + 2 + 3
    assert json.loads(sluice("verify", run, "--json").stdout)["ok"]


def test_before_the_filters(few: Path, recipe: Path, tmp_path: Path) -> None:
    filters = "filters=[{ccnet: {min_characters: 40}}]"
    pairs = [filters, "dedup.lines.before=filters", "dedup.lines.min_sentences=2"]
    words = ["run", recipe, "--input", few, "--out", tmp_path / "run", "--until", "corpus"]
    sluice(*words, *sets(pairs))
    run = tmp_path / "run"
    dropped, corpus, cut = (rows(run, under) for under in ("dropped", "corpus", "cut"))
    assert {id_: row["reason"] for id_, row in dropped.items()} == {
        **dict.fromkeys(("d4", "d5", "d6"), "extract.empty"),
        **({"d3": "extract.empty"} if cut["d3"]["emptied"] else {"d0": "extract.empty"}),
        "d7": "ccnet.short",  # measured on what is left of it
    }
    assert len(corpus) == 3
    for id_, row in corpus.items():
        assert row["ccnet_length"] == len(row["text"])
        assert (row["text"] == documents_of(few)[id_]) == (id_ not in cut)
    counts = stats(run)
    assert counts["duplicates"] == {}
    assert counts["lines"]["documents_emptied"] == 2
    cut_bytes, filtered = counted(run, "cut_lines"), counted(run, "filter")
    assert "duplicate_bytes" not in cut_bytes
    assert counted(run, "extract")["bytes"] - cut_bytes["bytes_cut"] == filtered["bytes"]
    assert filtered["kept_bytes"] == filtered["out_bytes"] == total(run, "documents")
    assert counts["records"] == 8 == counts["corpus"] + sum(counts["dropped"].values())
    with pytest.raises(UsageError, match=r"before its filters.*use `sluice run`"):
        retuning(open_folder(run), ["filters.ccnet.min_characters=20"])
    # Without filters the emptied ones are duplicates.
    bare = walk(recipe, [few], tmp_path / "bare", [*pairs[1:], "filters=null"])
    assert set(rows(bare, "duplicates")) == {"d4", *({"d0", "d3"} & set(dropped))}
    assert stats(bare)["corpus"] == 6


def test_the_verb_lists_emptied_documents(few: Path, recipe: Path, tmp_path: Path) -> None:
    pairs = ["dedup.exact=true", "dedup.lines.variant=ccnet", "dedup.order=[lines, exact]"]
    sluice("dedup", recipe, "--input", few, "--out", tmp_path / "run", *sets(pairs))
    assert set(rows(tmp_path / "run", "duplicates")) == {"d3", "d4"}
    assert not (tmp_path / "run" / "extracted").exists()
    assert json.loads(sluice("verify", tmp_path / "run", "--json").stdout)["ok"]


def test_retune_after_the_filters(few: Path, recipe: Path, tmp_path: Path) -> None:
    """What stages hand on is gone after a run; it is made again where another setting needs it."""
    words = ["--input", few, "--until", "corpus"]
    pairs = ["filters=[{ccnet: {min_characters: 1}}]", "dedup.exact=true", "dedup.lines.variant=ccnet"]
    sluice("run", recipe, *words, "--out", tmp_path / "run", *sets(pairs))
    assert not (tmp_path / "run" / "line_keys").exists()
    for at, pair in enumerate(["dedup.lines.min_sentences=4", "filters.ccnet.min_characters=40"]):
        again, fresh = tmp_path / f"again{at}", tmp_path / f"fresh{at}"
        sluice("retune", tmp_path / "run", "--out", again, "--set", pair)
        sluice("run", recipe, *words, "--out", fresh, *sets([*pairs, pair]))
        assert stats(again)["digest"] == stats(fresh)["digest"] != stats(tmp_path / "run")["digest"]


def documents_of(path: Path) -> dict[str, str]:
    return {row["id"]: row["text"] for row in map(json.loads, path.read_text().splitlines())}


def test_why_says_which_lines_went(few: Path, recipe: Path, tmp_path: Path) -> None:
    run = walk(recipe, [few], tmp_path / "run", ["dedup.lines.variant=ccnet"])
    story = json.loads(sluice("why", run, "http://a.example/4", "--json").stdout)
    assert story["fate"] == "duplicate"
    assert story["duplicate"] == {"duplicate_of": None, "kind": "lines", "similarity": None}
    assert story["lines_cut"]["lines"] == [0, 1, 2]
    said = sluice("why", run, "d1").stdout
    assert "lines cut   0 (25 characters stand in other documents)" in said
    assert "duplicate   of several documents (lines)" in sluice("why", run, "d4").stdout


def test_no_document_has_a_line(recipe: Path, tmp_path: Path) -> None:
    found = [{"id": str(at), "text": text} for at, text in enumerate(["", " \n ", "\n\n"])]
    run = walk(recipe, [written(tmp_path / "none.jsonl", found)], tmp_path / "run")
    assert set(rows(run, "corpus")) == {"0", "1", "2"}
    assert rows(run, "cut") == {}
    assert stats(run)["lines"]["lines"] == 0


def test_where_the_stages_stand() -> None:
    made = read(RECIPE, "r.yaml", ["filters=[language]", "dedup.exact=true"])
    assert active_stages(made, "corpus", ()) == ("extract", "filter", *DEDUP, *LINES, "corpus")
    first = read(RECIPE, "r.yaml", ["filters=[language]", "dedup.exact=true", "dedup.order=[lines, exact]"])
    assert active_stages(first, "corpus", ()) == (
        "extract",
        "filter",
        *LINES,
        *DEDUP,
        "corpus",
    )
    before = read(RECIPE, "r.yaml", ["filters=[language]", "dedup.lines.before=filters"])
    assert active_stages(before, "corpus", ()) == ("extract", *LINES, "filter", "corpus")
    assert active_stages(before, "filter", ()) == ("extract", *LINES, "filter")
    assert order_of(before)[2:8] == ("robots", "hosts", *LINES, "sample")
    without = read(RECIPE, "r.yaml", ["dedup=null"])
    assert active_stages(without, "corpus", ()) == ("extract", "corpus")
    assert order_of(without) == tuple(STAGES)
    assert stages_of(first, (), list(DEDUP), "dedup") == (
        "extract",
        *LINES,
        *DEDUP,
    )


def test_a_union_of_extractors_is_refused() -> None:
    pairs = ["dedup.lines.before=filters", "extract.extractor={union: [justext, resiliparse]}"]
    with pytest.raises(UsageError, match=r"dedup\.lines\.before: the filters choose"):
        read(RECIPE, "r.yaml", pairs)
