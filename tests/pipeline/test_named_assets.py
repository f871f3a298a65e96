"""Lists and models by path: pinned by digest, refused by name, left out where a recipe gives no path."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from pipeline import assets
from pipeline.errors import UsageError
from pipeline.named_assets import NamedAsset, applied, checked, digest_of, load_all, located
from pipeline.recipe import read
from pipeline.stages.filter import settings


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
