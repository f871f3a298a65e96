"""Comparing two runs, or a run and other thresholds: what differs, both ways, and why."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pipeline.compare import answer
from pipeline.compare.answer import Answer
from pipeline.compare.query import compare_recipe, compare_runs, compare_settings
from pipeline.compare.settings import differing
from pipeline.errors import UsageError, UserError
from pipeline.recipe import Recipe, load, read
from pipeline.store import open_folder
from pipeline.why import why
from tests.pipeline.conftest import rows, sets, sluice, stats

pytestmark = pytest.mark.xdist_group("compare")

RECIPE = """
name: own
filters:
  - gopher_quality: {min_words: 50, min_alphabetic_words: 0.7}
dedup: {scope: crawl, exact: true, minhash: null}
pii: {}
"""
SENTENCE = "Here the words of the text are about the thing that we have to be with in number {}. "
HOSTILE = "\x1b[2J\x1b]0;owned\x07\u202egnp.exe\u2066<script>alert(1)</script>"
LOOSE = (
    "filters.language.min_score=0.2",
    "filters.gopher_quality.min_words=20",
    "filters.gopher_quality.min_alphabetic_words=0.5",
    "filters.url.min_subwords=null",
)
TIGHT = (
    "filters.language.min_score=0.9",
    "filters.gopher_quality.min_words=150",
    "filters.url.min_soft_words=1",
    "filters.c4.min_sentences=8",
)


def pages() -> list[dict[str, Any]]:
    """30 pages of 18 to 162 words, then two copies of the longest, one with an attack in it, one that is empty."""
    names = ["".join("abcdefghij"[int(digit)] for digit in str(number)) * 3 for number in range(31)]
    texts = [SENTENCE.format(names[number]) * (1 + number % 9) for number in range(30)]
    texts += [texts[26], texts[26], f"{HOSTILE} mail me@example.com {SENTENCE.format(names[30]) * 4}", ""]
    return [
        {"url": f"https://host-{number % 3}.example/{number}", "text": text}
        for number, text in enumerate(texts)
    ]


def words(text: str) -> int:
    return len(text.split())


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs `a` and `b` on the same file under other thresholds, and `c` like `b` on the pages under other ids."""
    desk = tmp_path_factory.mktemp("compare")
    (desk / "own.yaml").write_text(RECIPE)
    for name in ("one", "two"):
        lines = [
            json.dumps({"id": f"{name}-{at}{HOSTILE * (at == 32)}", **page})
            for at, page in enumerate(pages())
        ]
        (desk / f"{name}.jsonl").write_text("\n".join(lines))
    other = ("filters.gopher_quality.min_words=100", "dedup=null")
    for run, source, pairs in (("a", "one", ()), ("b", "one", other), ("c", "two", other)):
        made: list[str | Path] = [
            "run",
            desk / "own.yaml",
            "--input",
            desk / f"{source}.jsonl",
            "--out",
            desk / run,
        ]
        sluice(*made, "--until", "corpus", "--quiet", *sets(pairs))
    return desk


@pytest.fixture(scope="module")
def found(desk: Path) -> Answer:
    return compare_runs(open_folder(desk / "a"), open_folder(desk / "b"), limit=100)


def test_two_runs_as_they_were_made_to_differ(found: Answer, desk: Path) -> None:
    counted = [words(page["text"]) for page in pages()]
    between = {at for at, number in enumerate(counted) if 50 <= number < 100}
    assert found.level == "corpus"
    assert (found.joined_by, found.sampled, found.common) == ("id", None, len(counted))
    assert found.only_left.documents == found.only_right.documents == 0
    assert [(one.key, one.left, one.right) for one in found.settings if one.key.startswith("filters")] == [
        ("filters.gopher_quality.min_words", 50, 100)
    ]
    assert next(one for one in found.settings if one.key == "dedup").right is None
    ours, theirs = found.only_left_keeps, found.only_right_keeps
    assert [(one.reason, one.documents) for one in ours.reasons] == [("gopher_quality.short", len(between))]
    assert [(one.reason, one.documents) for one in theirs.reasons] == [("duplicate.exact", 2)]
    assert (ours.documents, theirs.documents, found.differing) == (len(between), 2, len(between) + 2)
    assert {one.id.partition("-")[2].partition("\x1b")[0] for one in ours.samples} == set(map(str, between))
    assert ours.bytes == sum(len(pages()[at]["text"].encode()) for at in between)
    assert ours.tokens is None
    for one in ours.samples:
        assert (one.fate, one.signal, one.drop_when, one.threshold) == (
            "dropped", "gopher_quality_words", "<", 100,
        )  # fmt: skip
        assert one.value < 100
        assert one.reasons[0] == one.reason
        assert one.host == one.url.split("/")[2]
    for one in theirs.samples:
        assert one.detail.startswith("one-")
        assert one.signal is None


def test_what_it_says_of_a_document_is_what_why_says(found: Answer, desk: Path) -> None:
    for difference, keeps, drops in (
        (found.only_left_keeps, "a", "b"),
        (found.only_right_keeps, "b", "a"),
    ):
        for one in difference.samples[:3]:
            (kept,), (gone,) = (why(open_folder(desk / run), one.id) for run in (keeps, drops))
            assert kept["fate"] == "corpus"
            assert gone["fate"] == one.fate
            if one.fate == "dropped":
                rule = next(rule for rule in gone["rules"] if rule["rule"] == one.reason)
                told = (rule["signal"], rule["value"], rule["threshold"])
                assert told == (one.signal, one.value, one.threshold)
            else:
                assert gone["duplicate"]["duplicate_of"] == one.detail


def test_counts_are_those_of_stats_and_add_up(found: Answer, desk: Path) -> None:
    for side, run in ((found.left, "a"), (found.right, "b")):
        counts = stats(desk / run)
        assert side.fates["corpus"] == counts["corpus"]
        assert side.fates["dropped"] == sum(counts["dropped"].values())
        assert side.records == counts["records"] == sum(side.fates.values())
        assert side.digest == counts["digest"]
    assert sum(one.documents for one in found.matrix) == found.common


def test_a_run_differs_nowhere_from_itself(desk: Path) -> None:
    same = compare_runs(open_folder(desk / "a"), open_folder(desk / "a"))
    assert (same.differing, same.both_drop, same.settings, same.notes) == (0, 0, [], [])
    assert all(one.left == one.right for one in same.matrix)
    told = sluice("compare", desk / "a", desk / "a").stdout
    assert "differ for 0" in told
    assert "sluice why" not in told


def test_other_ids_are_joined_by_url(found: Answer, desk: Path) -> None:
    other = compare_runs(open_folder(desk / "a"), open_folder(desk / "c"), limit=100)
    assert other.joined_by == "url"
    assert any("joined by URL" in note for note in other.notes)
    assert (other.common, other.matrix, other.differing) == (found.common, found.matrix, found.differing)
    by_id = {one.id: one.other_id for one in other.only_left_keeps.samples}
    assert by_id
    assert all(right == left.replace("one", "two") for left, right in by_id.items())


def test_reasons_of_what_neither_keeps(desk: Path) -> None:
    change = "filters.gopher_quality.max_word_length=1"
    folder = open_folder(desk / "a")
    other = compare_settings(folder, changed(desk / "a", change, "filters.gopher_quality.min_words=0"), "x")
    short = sum(0 < words(page["text"]) < 50 for page in pages())
    assert other.both_drop == short
    assert [(one.left, one.right, one.documents) for one in other.other_reasons] == [
        ("gopher_quality.short", "gopher_quality.long_words", short)
    ]


def test_hostile_text_does_not_act(desk: Path) -> None:
    done = sluice("compare", desk / "a", desk / "b", "--limit", "100")
    assert "owned" in done.stdout
    assert "me@example.com" not in done.stdout
    assert not {"\x1b", "\x07", "\u202e", "\u2066"} & set(done.stdout)
    assert done.stdout.rstrip().splitlines()[-1].startswith("one document's whole story: sluice why ")


def test_json_is_the_answer(found: Answer, desk: Path) -> None:
    done = sluice("compare", desk / "a", desk / "b", "--json", "--limit", "100")
    assert msgspec.json.decode(done.stdout, type=Answer) == found
    few = json.loads(sluice("compare", desk / "a", desk / "b", "--json", "--limit", "1").stdout)
    assert len(few["only_left_keeps"]["samples"]) == 1
    assert few["only_left_keeps"]["documents"] == found.only_left_keeps.documents


def test_every_field_is_documented() -> None:
    for name in answer.__all__:
        kind = getattr(answer, name)
        for field in kind.__struct_fields__:
            assert f"`{field}`" in kind.__doc__, f"{name}.{field}"


def test_a_share_of_many_documents(found: Answer, desk: Path) -> None:
    """The same documents on both sides, and more of them hold fewer."""
    a, b = open_folder(desk / "a"), open_folder(desk / "b")
    half, most = (compare_runs(a, b, limit=100, exact=exact) for exact in (17, 30))
    for some in (half, most):
        assert some.sampled is not None
        assert 0 < some.common < found.common
        assert some.only_left.documents == some.only_right.documents == 0
        assert some.left.records == found.left.records
    ids = [{one.id for one in some.only_left_keeps.samples} for some in (half, most, found)]
    assert ids[0] <= ids[1] <= ids[2]
    by_url = compare_runs(a, open_folder(desk / "c"), exact=17)
    assert by_url.joined_by == "url"
    assert by_url.only_left.documents == by_url.only_right.documents == 0 < by_url.common


def changed(run: Path, *pairs: str) -> Recipe:
    return read((run / "recipe.yaml").read_text(), "recipe.yaml", pairs)


def fate_of(other: Answer) -> Counter[str]:
    total: Counter[str] = Counter()
    for one in other.matrix:
        total[one.right] += one.documents
    return total


def test_what_stored_signals_cannot_answer_is_refused(desk: Path) -> None:
    folder = open_folder(desk / "a")
    for pair, named in (
        ("filters.gopher_quality.words=all", "gopher_quality"),
        ("dedup.exact=false", "dedup.exact"),
        ("extract.favor=recall", "extract.favor"),
    ):
        with pytest.raises(UsageError, match=named):
            compare_settings(folder, changed(desk / "a", pair), pair)


def test_a_patch_says_the_same_as_settings(desk: Path, tmp_path: Path) -> None:
    patch = tmp_path / "patch.yaml"
    patch.write_text("filters:\n  - gopher_quality: {min_words: 100}\n")
    pair = ("--set", "filters.gopher_quality.min_words=100")
    found = [
        json.loads(sluice("compare", desk / "a", *words, "--json").stdout)
        for words in (("--patch", patch), pair, (desk / "a", *pair))
    ]
    assert found[0]["only_left_keeps"]["documents"] > 0
    assert found[1] == found[2] == found[0] | {"right": found[1]["right"]}
    assert found[0]["right"]["fates"] == found[1]["right"]["fates"]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["missing", "fineweb"], 1, "no run folder"),
        (["a", "finewep"], 2, "did you mean `fineweb`?"),
        (["a"], 2, "name what to compare with"),
        (["a", "own"], 1, "no run folder"),
        (["a", "b", "--set", "filters.gopher_quality.min_words=1"], 2, "leave one of the two out"),
        (["a", "--set", "filters.gopher_quality.min_wordz=1"], 2, "min_words"),
        (["a", "--set", "dedup.exact=false"], 2, "only thresholds of filters"),
        (["a", "pile-cc", "--limit", "-1"], 2, "--limit"),
    ],
)
def test_errors_are_one_line(desk: Path, arguments: list[str], code: int, said: str) -> None:
    (desk / "own").mkdir(exist_ok=True)
    first, *rest = arguments
    rest = [str(desk / one) if one in ("b", "own") else one for one in rest]
    done = sluice("compare", desk / first, *rest, check=False)
    assert done.returncode == code, done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_settings_that_differ() -> None:
    left, right = load("fineweb"), load("c4")
    keys = {one.key: one for one in differing(left, right)}
    assert (keys["filters.language.min_score"].left, keys["filters.language.min_score"].right) == (0.65, 0.5)
    assert keys["filters.gopher_quality"].right is None
    assert keys["filters.bad_words"].left is None
    assert "name" not in keys
    assert differing(left, left) == []
    swapped = load("fineweb", ["filters=[c4, fineweb, url]"])
    moved = next(one for one in differing(left, swapped) if one.key == "filters")
    assert moved.right == ["c4", "fineweb", "url"]


def test_a_run_that_stopped_is_refused(desk: Path, tmp_path: Path) -> None:
    lines = desk / "one.jsonl"
    sluice("run", desk / "own.yaml", "--input", lines, "--out", tmp_path / "run", "--until", "extract")
    with pytest.raises(UserError, match="has not been filtered to the end"):
        compare_runs(open_folder(desk / "a"), open_folder(tmp_path / "run"))


@pytest.fixture(scope="module")
def small(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample's pages, screened by a cascade, to the corpus."""
    run = tmp_path_factory.mktemp("small") / "run"
    words: list[str | Path] = [
        "--input",
        sample,
        "--out",
        run,
        "--until",
        "corpus",
        "--set",
        "extract.page_timeout=2",
    ]
    sluice("run", "tiny", *words)
    return run


@pytest.fixture(scope="module")
def real(piece: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Real pages, screened by a cascade, filtered."""
    run = tmp_path_factory.mktemp("real") / "run"
    sluice("run", "fineweb", "--input", piece, "--out", run, "--until", "filter")
    return run


def assert_as_retuned(run: Path, new: Path, *pairs: str) -> Answer:
    """Thresholds over stored signals keep what a retune keeps, but for pages that only that has read."""
    sluice("retune", run, "--out", new, *sets(pairs))
    folder, target = open_folder(run), open_folder(new)
    guess = compare_settings(folder, changed(run, *pairs), "guess", limit=10_000)
    truth = compare_runs(folder, target, limit=10_000)
    kept, before = rows(new, "documents"), rows(run, "documents")
    unknown = fate_of(guess)["unknown"]
    lost, won = ({one.id for one in side.samples} for side in (guess.only_left_keeps, guess.only_right_keeps))
    assert lost == set(before) - set(kept)
    assert won <= set(kept) - set(before)
    assert len(set(kept) - set(before) - won) <= unknown
    if truth.level == "filters":
        assert {one.id for one in truth.only_right_keeps.samples} == set(kept) - set(before)
    dropped = rows(new, "dropped")
    for one in guess.only_left_keeps.samples:
        assert (one.reason, one.reasons) == (dropped[one.id]["reason"], dropped[one.id]["reasons"])
        assert one.value == dropped[one.id][one.signal or ""]
    assert sum(guess.right.fates.values()) == guess.right.records
    return guess


@pytest.mark.parametrize("change", [LOOSE, TIGHT], ids=["loose", "tight"])
def test_thresholds_over_stored_signals_decide_as_a_retune(
    real: Path, tmp_path: Path, change: tuple[str, ...]
) -> None:
    guess = assert_as_retuned(real, tmp_path / "new", *change)
    assert guess.level == "filters"
    assert (guess.only_right_keeps.documents > 0) == (change is LOOSE)
    assert (fate_of(guess)["unknown"] > 0) == (change is LOOSE)
    assert guess.not_judged == []


def test_thresholds_over_a_corpus(small: Path, tmp_path: Path) -> None:
    """Also where the run knows its duplicates; conditions and settings by language count."""
    change = (
        "filters.gopher_quality.min_words=180",
        "filters.c4.unless=gopher_quality_words >= 300",
        "filters.fineweb.by_language={en: {max_char_dup: 0.001}}",
    )
    guess = assert_as_retuned(small, tmp_path / "new", *change)
    assert guess.only_left_keeps.documents > 0
    done = sluice("compare", small, *sets(change), "--json")
    assert json.loads(done.stdout)["matrix"] == msgspec.to_builtins(guess.matrix)


def test_a_recipe_is_judged_by_what_is_stored(small: Path) -> None:
    """Of C4's rules those that the run measured; what it measured otherwise or not at all is listed."""
    other = compare_recipe(open_folder(small), load("c4"), "c4", limit=100)
    assert set(other.judged) == {"extract.empty", "language.language", "language.score"}
    lacking = {one.rule: one.why for one in other.not_judged}
    assert "variant" in lacking["c4.sentences"]
    assert "is not set" in lacking["bad_words"]
    assert any("extract.extractor" in note for note in other.notes)
    dropped = rows(small, "dropped")
    measured = {id_ for id_, row in dropped.items() if row["screened"] is None}
    spared = {id_ for id_ in measured if dropped[id_]["language_score"] > 0.5}
    assert {one.id for one in other.only_right_keeps.samples} == spared
    assert all(one.text for one in other.only_right_keeps.samples)
    assert fate_of(other)["unknown"] == len(dropped) - len(measured)
    told = sluice("compare", small, "c4").stdout
    assert "Rules that were not judged" in told


def test_the_text_of_a_run_that_did_not_keep_it(desk: Path, tmp_path: Path) -> None:
    """A document that the run dropped has no text left: it is counted and shown without."""
    run = tmp_path / "run"
    words: list[str | Path] = [
        "--input",
        desk / "one.jsonl",
        "--out",
        run,
        "--until",
        "corpus",
        "--set",
        "keep_text=false",
    ]
    sluice("run", desk / "own.yaml", *words)
    change = "filters.gopher_quality.min_words=1"
    other = compare_settings(open_folder(run), changed(run, change), change)
    assert other.only_right_keeps.documents > 0
    assert {one.text for one in other.only_right_keeps.samples} == {None}
