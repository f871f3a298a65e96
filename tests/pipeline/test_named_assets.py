"""Lists and models by path: pinned by digest, refused by name, left out where a recipe gives no path."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from pipeline import assets
from pipeline.errors import UsageError
from pipeline.named_assets import NamedAsset, applied, checked, digest_of, load_all, located, require_fitting
from pipeline.recipe import read
from pipeline.stages.filter import settings
from tests.pipeline.conftest import sluice


def test_a_model_must_state_its_digest_and_be_that_file() -> None:
    path = str(assets.paths("lid176")[0])
    pinned = NamedAsset(kind="fasttext", path=path, sha256=assets.LID176_SHA256)
    assert checked(pinned, "models.lid") == assets.LID176_SHA256
    with pytest.raises(
        UsageError, match=f"models.lid.sha256: a model must be pinned; .* {assets.LID176_SHA256}"
    ):
        checked(NamedAsset(kind="fasttext", path=path), "models.lid")
    with pytest.raises(UsageError, match=f"has the SHA-256 {assets.LID176_SHA256}, not 00"):
        checked(NamedAsset(kind="fasttext", path=path, sha256="00"), "models.lid")
    assert checked(NamedAsset(kind="fasttext", path=path), "lists.lid") == assets.LID176_SHA256


def test_what_is_missing_is_named_with_its_address(tmp_path: Path) -> None:
    lost = NamedAsset(kind="fasttext", path=str(tmp_path / "lost"), source="https://example.org/lists")
    with pytest.raises(
        UsageError, match=r"lists.bad.path: nothing lies at .*published at https://example.org/lists"
    ):
        checked(lost, "lists.bad")
    with pytest.raises(
        UsageError, match="no kind of list or model is called fasttxt; did you mean `fasttext`"
    ):
        checked(NamedAsset(kind="fasttxt", path=str(tmp_path)), "lists.bad")


def test_the_digest_of_a_folder_is_of_names_and_contents(tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    for folder in (first, second):
        (folder / "inner").mkdir(parents=True)
        (folder / "inner" / "x").write_text("1")
        (folder / "y").write_text("2")
    lines = "".join(
        f"{hashlib.sha256(text.encode()).hexdigest()}  {name}\n"
        for name, text in (("inner/x", "1"), ("y", "2"))
    )
    assert digest_of(str(first)) == digest_of(str(second)) == hashlib.sha256(lines.encode()).hexdigest()
    other = tmp_path / "c"
    second.rename(other)
    (other / "y").rename(other / "z")
    assert digest_of(str(other)) != digest_of(str(first))


RECIPE = """\
name: own
models: {lid: {kind: fasttext, path: %s, sha256: %s}}
filters: [language, gopher_quality]
"""


def test_the_fingerprint_holds_contents_and_not_places(tmp_path: Path) -> None:
    source = assets.paths("lid176")[0]
    copy = tmp_path / "copy.ftz"
    copy.write_bytes(source.read_bytes())
    made = [read(RECIPE % (path, assets.LID176_SHA256), "r.yaml") for path in (source, copy)]
    assert made[0] != made[1]
    assert settings(made[0]) == settings(made[1])
    assert load_all(made[1], ["models.lid"])["models.lid"].predict("This is English text, is it not?")[0]


def test_relative_paths_are_those_of_the_caller(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert located({"a": NamedAsset(kind="fasttext", path="m.bin")})["a"].path == str(tmp_path / "m.bin")
    assert located({"a": NamedAsset(kind="fasttext")})["a"].path is None


def test_filters_all_of_whose_assets_are_given_are_applied() -> None:
    recipe = read("name: r\nfilters: [gopher_quality]\n", "r.yaml")
    steps, missing = applied(recipe, recipe.chain({}).steps)
    assert [step.name for step in steps] == ["gopher_quality"]
    assert missing == recipe.left_out == []


def test_a_list_that_nobody_publishes_says_how_to_make_it() -> None:
    text = (
        "name: r\nmodels: {books: {kind: importance, source: 'train one: sluice filters train'}}\n"
        "filters: [{importance: {models: {books: books}}}]\n"
    )
    assert [str(one) for one in read(text, "r.yaml").left_out] == [
        "importance is left out: models.books.path is not set; train one: sluice filters train"
    ]


def test_conditions_on_a_filter_that_is_left_out_hold_for_nothing() -> None:
    from filters.document import from_rows

    text = (
        "name: r\nlists: {edu: {kind: scores, source: 'https://example.org/edu'}}\n"
        "filters: [{gopher_quality: {unless: scores_value >= 3}}, {scores: {file: edu}}]\n"
    )
    recipe = read(text, "r.yaml")
    assert [str(one) for one in recipe.left_out] == [
        "scores is left out: lists.edu.path is not set; it is published at https://example.org/edu"
    ]
    applied = recipe.loaded_chain().apply(from_rows([{"id": "1", "text": "short"}]))
    assert applied.verdict.reason[0].as_py() == "gopher_quality.short"
    assert recipe.chain({}).decide(applied.documents).reason[0].as_py() == "gopher_quality.short"
    assert recipe.chain({}).explain(applied.documents.to_pylist()[0])[1].failed


def test_a_list_that_is_named_and_absent_is_an_error_with_its_address(tmp_path: Path, sample: Path) -> None:
    pairs = ["--set", f"lists.ldnoobw.path={tmp_path / 'no'}", "--until", "filter"]
    done = sluice("run", "c4", "--input", sample, "--out", tmp_path / "run", *pairs, check=False)
    assert done.returncode == 2
    assert "lists.ldnoobw.path: nothing lies at" in done.stderr
    assert "https://github.com/LDNOOBW/" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (
            "blocklist: {list: own, categories: [adlut]}",
            "blocklist.categories: .* no category 'adlut'; it has: adult",
        ),
        (
            "bad_words: {list: words, language: xx}",
            "bad_words.language: .* the language 'xx'; it has: en",
        ),
        ("bad_words: {list: words, by_language: {xx: {language: yy}}}", "language 'yy'; it has: en"),
    ],
)
def test_what_a_list_has_not_is_named_before_a_run(tmp_path: Path, entry: str, message: str) -> None:
    (tmp_path / "own" / "adult").mkdir(parents=True)
    (tmp_path / "own" / "adult" / "domains").write_text("bad.com\n")
    (tmp_path / "words").mkdir()
    (tmp_path / "words" / "en").write_text("bad\n")
    lists = f"own: {{kind: ut1, path: {tmp_path}/own}}, words: {{kind: words, path: {tmp_path}/words}}"
    recipe = read(f"name: r\nlists: {{{lists}}}\nfilters: [{{{entry}}}]\n", "r.yaml")
    with pytest.raises(UsageError, match=message):
        require_fitting(recipe)
    with pytest.raises(UsageError, match=message):
        recipe.loaded_chain()
    fine = read(f"name: r\nlists: {{{lists}}}\nfilters: [{{blocklist: {{list: own}}}}]\n", "r.yaml")
    require_fitting(fine)
