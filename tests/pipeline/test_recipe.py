"""Recipes: typed, with errors of one line that name file, line, key, what was expected and the nearest name."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from pipeline import yaml
from pipeline.errors import UsageError
from pipeline.recipe import from_builtins, load, read_resolved, resolved, shipped

RECIPE = """name: mine
extract:
  page_timeout: 5
filters:
  - url
  - language: {languages: [en, no], min_score: 1e-1}
  - gopher_quality: {min_words: 30}
dedup:
  minhash: {bands: 20}
"""


@pytest.fixture
def write(tmp_path: Path):
    def make(text: str) -> str:
        path = tmp_path / "recipe.yaml"
        path.write_text(text)
        return str(path)

    return make


def test_shipped_recipes_load_and_survive_a_round_trip() -> None:
    assert {"fineweb", "tiny"} <= set(shipped())
    for name in shipped():
        recipe = load(name)
        assert recipe.name == name
        assert recipe.description
        assert read_resolved(resolved(recipe), name) == recipe
        assert from_builtins(msgspec.json.decode(msgspec.json.encode(recipe))) == recipe


def test_a_recipe_is_short() -> None:
    for name in shipped():
        text = (Path(__file__).resolve().parents[2] / "pipeline" / "recipes" / f"{name}.yaml").read_text()
        assert len(text.splitlines()) <= 40


def test_norwegian_is_a_language(write) -> None:
    recipe = load(write(RECIPE))
    language = next(entry["language"] for entry in recipe.filters or [] if "language" in entry)
    assert list(language["languages"]) == ["en", "no"]
    assert language["min_score"] == 0.1
    assert recipe.dedup is not None
    assert recipe.dedup.minhash is not None
    assert recipe.dedup.minhash.bands == 20


def test_set(write) -> None:
    path = write(RECIPE)
    recipe = load(
        path, ["filters.gopher_quality.min_words=70", "dedup.minhash=null", "extract.page_timeout=2.5"]
    )
    assert recipe.filters is not None
    assert recipe.filters[2]["gopher_quality"]["min_words"] == 70
    assert recipe.filters[0] == load(path).filters[0]
    assert recipe.dedup is not None
    assert recipe.dedup.minhash is None
    assert recipe.extract.page_timeout == 2.5
    assert load(path, ["filters.url.min_soft_words=3"]).filters != load(path).filters


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "page_timeout: 5",
            "page_timeout: fifty",
            r"recipe\.yaml:3:3 extract\.page_timeout: expected float, got 'fifty'",
        ),
        (
            "page_timeout: 5",
            "page_timeot: 5",
            r"recipe\.yaml:3:3 extract\.page_timeot: no such key; did you mean `page_timeout`",
        ),
        ("dedup:", "dedupe:", r"recipe\.yaml:8:1 dedupe: no such key; did you mean `dedup`"),
        ("{bands: 20}", "{bands: [20]}", r"recipe\.yaml:9:13 dedup\.minhash\.bands: expected int"),
        ("min_words: 30", "min_wrds: 30", r"recipe\.yaml:7:.*min_wrds.*min_words"),
        ("min_words: 30", "min_words: many", r"recipe\.yaml:7:.*min_words.*(int|many)"),
        ("- url", "- urll", r"recipe\.yaml:5:5 .*urll.*url"),
        ("name: mine", "name: mine\nname: yours", r"recipe\.yaml:2:1 `name` stands here twice"),
        ("name: mine", "name: &a mine", r"recipe\.yaml:1:7 anchors and aliases"),
        ("name: mine", "name: [mine", r"recipe\.yaml:\d+:\d+ "),
        ("name: mine\n", "", r"recipe\.yaml.* name|missing required field"),
    ],
)
def test_errors_are_one_line_with_a_place(write, old: str, new: str, message: str) -> None:
    assert old in RECIPE
    with pytest.raises(UsageError, match=message) as caught:
        load(write(RECIPE.replace(old, new)))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("pair", "message"),
    [
        ("filters.gofer_quality.min_words=3", "did you mean `gopher_quality`"),
        ("dedup.minhash.band=3", "--set dedup.minhash.band: .*did you mean `bands`"),
        ("extract.page_timeout=soon", "--set extract.page_timeout: .*expected float, got 'soon'"),
        ("extract.page_timeout", "write section.key=value"),
        ("name.x.y=1", "name is no section"),
    ],
)
def test_set_errors(write, pair: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        load(write(RECIPE), [pair])


def test_unknown_recipe_names_the_nearest() -> None:
    with pytest.raises(UsageError, match="no recipe `finweb`; did you mean `fineweb`"):
        load("finweb")
    with pytest.raises(UsageError, match="No such file"):
        load("nowhere.yaml")


@pytest.mark.parametrize("text", ["", "- a\n- b\n", "just text"])
def test_a_recipe_is_a_mapping(write, text: str) -> None:
    with pytest.raises(UsageError, match="a recipe is a mapping"):
        load(write(text))


def test_yaml_1_2() -> None:
    value, _ = yaml.parse("a: no\nb: 1e-3\nc: 12:30:45\nd: 010\ne: true\nf: ~\ng: yes\nh: 0x10\n", "x")
    assert value == {
        "a": "no",
        "b": 0.001,
        "c": "12:30:45",
        "d": 10,
        "e": True,
        "f": None,
        "g": "yes",
        "h": "0x10",
    }


def test_huge_and_hostile_yaml() -> None:
    with pytest.raises(UsageError, match="larger than 1 MiB"):
        yaml.parse("a: " + "x" * (yaml.MAX_BYTES + 1), "x")
    with pytest.raises(UsageError):
        yaml.parse("a: !!python/object/apply:os.system [true]", "x")
    with pytest.raises(UsageError):
        yaml.parse("[" * 100_000, "x")
