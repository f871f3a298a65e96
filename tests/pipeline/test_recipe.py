"""Recipes: typed, with errors of one line that name file, line, key, what was expected and the nearest name."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from pipeline import yaml
from pipeline.errors import UsageError, UserError
from pipeline.recipe import from_builtins, load, read_resolved, resolved, shipped
from pipeline.store import open_folder
from pipeline.tokenizer import TokenizeSettings, obtain

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


@pytest.mark.parametrize(
    ("pair", "message"),
    [
        ("tokenize.vocabulary=5", "tokenize.vocabulary: expected int >= 257, got 5"),
        ("tokenize.heldout=1", "tokenize.heldout: expected float < 1.0, got 1"),
        ("tokenize.heldout=-0.1", "tokenize.heldout: expected float >= 0.0, got -0.1"),
        ("tokenize.sample_bytes=0", "tokenize.sample_bytes: expected int >= 1, got 0"),
        ("dedup.minhash.ngram=0", "dedup.minhash.ngram: expected int >= 1, got 0"),
        ("dedup.minhash.bands=-1", "dedup.minhash.bands: expected int >= 1, got -1"),
        ("dedup.minhash.rows=0", "dedup.minhash.rows: expected int >= 1, got 0"),
        ("dedup.minhash.seed=-1", "dedup.minhash.seed: expected int >= 0, got -1"),
        ("extract.page_timeout=0", "extract.page_timeout: expected float > 0.0, got 0"),
        (
            "extract.page_timeout=.inf",
            "extract.page_timeout: expected a finite number of at most 64 bits, got inf",
        ),
        ("extract.page_bytes=0", "extract.page_bytes: expected int >= 1, got 0"),
        ("extract.page_memory=0", "extract.page_memory: expected int >= 1, got 0"),
        (
            "extract.extractor=tika",
            "expected 'trafilatura' or 'resiliparse' or 'justext' or 'blocks', got 'tika'",
        ),
        ("max_failed=1.5", "max_failed: expected float <= 1.0, got 1.5"),
        ("max_failed=.nan", "max_failed: expected a finite number of at most 64 bits, got nan"),
        ("mix.max_epochs=0", "mix.max_epochs: expected float > 0.0, got 0"),
        ("mix.block=0", "mix.block: expected int >= 1, got 0"),
        (f"mix.seed={1 << 64}", f"mix.seed: expected a finite number of at most 64 bits, got {1 << 64}"),
        ("mix.weights={web: 1, code: -2}", "mix.weights.code: expected float >= 0.0, got -2"),
        ("mix.weights={web: 0}", "mix.weights: expected a weight above 0, got {'web': 0.0}"),
        ("mix.weights=evenly", "mix.weights: expected 'natural', got 'evenly'"),
        ("mix.phases=[{name: a}, {name: b}]", "mix: only the last phase may leave its tokens open"),
        ("mix.phases=[{name: a, tokens: 0}]", "mix.phases[0].tokens: expected int >= 1, got 0"),
        ("train.depth=0", "train.depth: expected int >= 1, got 0"),
        ("train.width=100", "train.width: expected an even multiple of train.heads 3, got 100"),
        ("train.betas=[0.9, 1]", "train.betas[1]: expected float < 1.0, got 1"),
        (
            "train.anneal.arms=[{name: ../../x}]",
            "train.anneal.arms[0].name: expected at most 64 letters, digits, '_' and '-', got '../../x'",
        ),
        (
            "train.anneal.arms=[{name: a}, {name: a}]",
            "train.anneal.arms[1].name: expected a name that no other arm has, got 'a'",
        ),
        (
            "train.anneal.arms=[{name: stable}]",
            "train.anneal.arms[0].name: expected another name than that of the run which the arms branch off, "
            "got 'stable'",
        ),
        (
            "train.anneal.arms=[{name: main}]",
            "train.anneal.arms[0].name: expected a name that no phase of the mix has (main, total), got main",
        ),
        (
            "mix.phases=[{name: a, tokens: 9}, {name: a}]",
            "mix.phases[1].name: expected a name of its own and not 'total', got 'a'",
        ),
        (
            "train.anneal.arms=[{name: a, weights: {web: x}}]",
            "train.anneal.arms[0].weights.web: expected float, got 'x'",
        ),
        (
            "train.anneal.arms=[{name: a, weights: {}}]",
            "train.anneal.arms[0].weights: expected a weight above 0, got {}",
        ),
        ("eval.stride=0", "eval.stride: expected int >= 1, got 0"),
        ("eval.stride=2000", "eval.stride: expected at most the train.sequence of 1024, got 2000"),
        ("eval.max_tokens=0", "eval.max_tokens: expected int >= 1, got 0"),
        ("filters.language.min_score=65", "filters[1].language.min_score: expected float <= 1.0, got 65"),
        ("filters=[[1]]", "filters[0]: expected a filter's name or one `name: {settings}`, got [1]"),
    ],
)
def test_values_out_of_range_are_refused_at_load(write, pair: str, message: str) -> None:
    heads = "train: {preset: small, heads: 3, width: 384}\n"
    assert load(write(RECIPE + heads)).train is not None
    with pytest.raises(UsageError) as caught:
        load(write(RECIPE + heads), [pair])
    place, _, said = str(caught.value).partition(": ")
    assert pair.startswith(place.removeprefix("--set ")) or place.startswith(write(RECIPE + heads))
    assert message in str(caught.value)
    assert "\n" not in said


def test_a_range_error_has_the_place_of_its_line(write) -> None:
    path = write(RECIPE + "train:\n  preset: tiny\n  anneal:\n    arms:\n      - name: ../../x\n")
    with pytest.raises(UsageError) as caught:
        load(path)
    assert str(caught.value) == (
        f"{path}:14:9 train.anneal.arms[0].name: "
        "expected at most 64 letters, digits, '_' and '-', got '../../x'"
    )
    path = write(RECIPE.replace("bands: 20", "bands: 0"))
    with pytest.raises(UsageError) as caught:
        load(path)
    assert str(caught.value) == f"{path}:9:13 dedup.minhash.bands: expected int >= 1, got 0"
    with pytest.raises(UsageError, match=r"^recipe\.yaml: max_failed: expected float <= 1\.0, got 2$"):
        from_builtins({"name": "x", "max_failed": 2})


@pytest.mark.parametrize(
    "line",
    [
        r'"a\e[31m\n\u202e - at `$.x`": 1',
        r'extract: {"\e]0;x\a": 1}',
        r'filters: [{c4: {"min\e[2J": 1}}]',
        r'filters: ["\e[2J"]',
        r'description: ["\e[2J"]',
        r'mix: {weights: {"\e[2J": -1}}',
        r'mix: {weights: {"\e[2J": 0}}',
        r'train: {anneal: {arms: [{name: "\e[2J\n"}]}}',
        '"\\e[2J": 1\n"\\e[2J": 1',
        "description: [" + "x" * 5000 + "]",
        "x" * 1000 + ": 1",
    ],
)
def test_messages_hold_nothing_that_acts_in_a_terminal(write, line: str) -> None:
    with pytest.raises(UsageError) as caught:
        load(write(f"name: x\n{line}\n"))
    message = str(caught.value)
    assert message.isprintable()
    assert len(message) < 800


def test_a_tokenizer_file_that_is_none_is_named(tmp_path: Path) -> None:
    path = tmp_path / "tokenizer.json"
    folder = open_folder(str(tmp_path))
    settings = TokenizeSettings(tokenizer=str(path))
    with pytest.raises(UserError, match=r"tokenize\.tokenizer: .*tokenizer\.json is no file"):
        obtain(folder, [], settings, lambda counts: None)
    for content in (b"", b"not\nJSON", b"{}", b"\xff\xfe"):
        path.write_bytes(content)
        with pytest.raises(UserError, match=r"tokenize\.tokenizer: .*is no tokenizer\.json") as caught:
            obtain(folder, [], settings, lambda counts: None)
        assert str(path) in str(caught.value)
        assert "\n" not in str(caught.value)


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
    for text in ("[" * 100_000, "{a: " * 50_000, "- " * 100_000):
        with pytest.raises(UsageError, match=r"x:1:\d+ nested deeper than 100 levels"):
            yaml.parse(text, "x")
    assert yaml.parse("[" * 90 + "]" * 90, "x")[0] != []
