from __future__ import annotations

import json
import subprocess
import sys
import warnings
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filters import FILTERS, catalogue
from filters.batch import Batch
from filters.chain import Chain, asset_names, chain_steps
from filters.document import SCHEMA, from_rows
from filters.extracted import EMPTY_RULE, SIGNALS
from filters.text.words import WordSplitter
from pipeline import assets
from pipeline.named_assets import is_named

UNNAMED = [name for name, spec in FILTERS.items() if not any(map(is_named, spec.assets(spec.settings())))]
TEXTS = ["gopher_repetition", "gopher_quality", "c4", "fineweb"]


@pytest.fixture(scope="module")
def whole(splitter: WordSplitter) -> Chain:
    """The filters that need no list or model by path, with real lists and models."""
    steps = chain_steps(UNNAMED)
    chain = Chain(steps, {name: assets.load(name) for name in asset_names(steps)})
    chain._splitter = splitter
    return chain


def table(*texts: str | None, url: str | None = "http://example.com/") -> pa.Table:
    return from_rows([{"id": str(i), "url": url, "text": text} for i, text in enumerate(texts)])


LINES = st.lists(
    st.sampled_from(
        ["The cat sat with that.", "short", "", " ", "- bullet line of it", "a {", "lorem ipsum dolor amet", "…", "# #",
         "use cookies or javascript now", "of the and the to be.", "  two  spaces. here ", "x\u2028y",
         "汉字汉字。", "foo:) )"]
    ),
    max_size=10,
)  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(st.lists(LINES.map("\n".join), min_size=1, max_size=6))
def test_rows_are_independent(whole: Chain, texts: list[str]) -> None:
    together = whole.apply(table(*texts))
    alone = [whole.apply(table(*texts).slice(i, 1)) for i in range(len(texts))]
    assert together.documents.to_pylist() == pa.concat_tables([one.documents for one in alone]).to_pylist()
    assert together.verdict.reason.to_pylist() == [one.verdict.reason[0].as_py() for one in alone]


def test_a_batch_is_measured_alike_after_other_batches(splitter: WordSplitter) -> None:
    fresh = WordSplitter(assets.load("english_tokenizer"))
    spec = FILTERS["gopher_quality"]
    first, second = Batch(["some words"], None, fresh), Batch(["the be to of and that"], None, fresh)
    assert len(first.words.ids) == 2
    assert spec.measure(second, spec.settings(), {})["gopher_quality_stop_words"].tolist() == [6]
    assert spec.measure(first, spec.settings(), {})["gopher_quality_stop_words"].tolist() == [0]


def test_columns_are_in_a_fixed_order(whole: Chain) -> None:
    names = whole.apply(table("text")).documents.column_names
    signals = [s.column for n in UNNAMED for s in FILTERS[n].signals(FILTERS[n].settings())]
    assert names == [
        *SCHEMA.names,
        "extract_characters",
        "extract_bytes",
        *(s for s in signals if s not in SCHEMA.names),
    ]


def test_bytes_are_of_the_text_before_any_edit(splitter: WordSplitter) -> None:
    text = "Der Fluß fließt.\nno end mark here\n  "
    chain = Chain(chain_steps(["c4"]))
    chain._splitter = splitter
    found = chain.apply(table(text, "", None)).documents
    assert found["extract_bytes"].to_pylist() == [len(text.encode()), 0, 0]
    assert found["extract_bytes"].type == pa.int64()
    assert found["text"][0].as_py() != text


def test_blank_missing_and_odd_documents_are_measured_without_warnings(whole: Chain) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        applied = whole.apply(table(None, "", " \n\t", "x", "\n\n\n", "." * 99, "\u200b", url=None))
    for column in applied.documents.column_names:
        values = applied.documents[column].to_pylist()
        assert not any(value != value for value in values), column
        if column not in SCHEMA.names:
            assert None not in values, column
    reasons = applied.verdict.reason.to_pylist()
    assert reasons[:3] == ["extract.empty"] * 3
    assert reasons[4] == "extract.empty"
    assert None not in reasons


def test_an_empty_table_is_valid(whole: Chain) -> None:
    applied = whole.apply(table())
    assert applied.documents.num_rows == len(applied.verdict.keep) == len(applied.verdict.reason) == 0
    assert applied.documents.schema == whole.apply(table("x")).documents.schema


def test_reason_is_the_first_failing_rule_and_reasons_are_all(splitter: WordSplitter) -> None:
    chain = Chain(chain_steps(["fineweb", "gopher_quality"]))
    chain._splitter = splitter
    verdict = chain.apply(table("a\nb\na\nb", "")).verdict
    rules = [name for name, _ in chain.rules]
    assert rules[0] == "extract.empty"
    for reason, reasons in zip(verdict.reason.to_pylist(), verdict.reasons.to_pylist(), strict=True):
        assert reason == reasons[0]
        assert reasons == sorted(reasons, key=rules.index)
    assert verdict.reasons.to_pylist()[0][:2] == ["fineweb.line_punct", "fineweb.short_lines"]
    assert "gopher_quality.short" in verdict.reasons.to_pylist()[0]
    assert verdict.reason.type == pa.string()
    assert verdict.reasons.type == pa.list_(pa.string())


def test_stored_signals_decide_alike_and_new_thresholds_need_no_text(whole: Chain) -> None:
    documents = table("The cat sat with that. " * 20, "short text", "")
    applied = whole.apply(documents)
    stored = applied.documents.drop_columns(["text"])
    again = whole.decide(stored)
    assert again.keep.tolist() == applied.verdict.keep.tolist()
    assert again.reasons.equals(applied.verdict.reasons)
    spec: list[Any] = [
        "url",
        "language",
        "gopher_repetition",
        {"gopher_quality": {"min_words": None}},
        "c4",
        "fineweb",
    ]
    retuned = Chain(chain_steps(spec)).decide(stored)
    fresh = Chain(chain_steps(spec), whole.assets).apply(documents).verdict
    assert retuned.reasons.equals(fresh.reasons)
    assert not retuned.reasons.equals(again.reasons)


def test_explain_compares_stored_signals_with_thresholds(whole: Chain) -> None:
    applied = whole.apply(table("short text of the sort"))
    row = applied.documents.drop_columns(["text"]).to_pylist()[0]
    explained = whole.explain(row)
    assert [one.rule for one in explained] == [name for name, _ in whole.rules]
    assert [one.rule for one in explained if one.failed] == applied.verdict.reasons.to_pylist()[0]
    short = next(one for one in explained if one.rule == "gopher_quality.short")
    assert (short.column, short.value, short.drop_when, short.threshold) == (
        "gopher_quality_words",
        5,
        "<",
        50,
    )
    with pytest.raises(KeyError):
        whole.explain({})
    assert explained[0].threshold == EMPTY_RULE.threshold


def test_fingerprint_settings_are_json_and_tell_thresholds_apart() -> None:
    def fingerprint(values: dict[str, Any], thresholds: bool) -> str:
        chain = Chain(chain_steps([{"c4": values}]))
        return json.dumps(chain.fingerprint_settings(thresholds), sort_keys=True)

    assert fingerprint({}, True) != fingerprint({"max_curly_bracket_lines": None}, True)
    assert fingerprint({}, False) == fingerprint({"max_curly_bracket_lines": None}, False)
    assert fingerprint({}, False) != fingerprint({"filter_policy": False}, False)
    assert json.loads(fingerprint({}, True))[0].keys() == {"name", "version", "settings"}


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (
            ["gopher_qualty"],
            "filters[0]: no filter is called 'gopher_qualty'; did you mean 'gopher_quality'?",
        ),
        (
            [{"c4": {"min_sentence": 3}}],
            "filters[0].c4.min_sentence: no such setting; did you mean 'min_sentences'?",
        ),
        ([{"c4": {"min_sentences": "x"}}], "filters[0].c4.min_sentences: expected int | null, got 'x'"),
        ([{"c4": {"variant": "x"}}], "filters[0].c4.variant: expected 'datatrove' or 'paper', got 'x'"),
        (["url", {"c4": {"min_sentences": -1}}], "filters[1].c4.min_sentences: expected int >= 0, got -1"),
        (
            [{"gopher_repetition": {"top_2_gram": 20}}],
            "filters[0].gopher_repetition.top_2_gram: expected float <= 1.0, got 20",
        ),
        (
            [{"fineweb": {"max_newline_ratio": float("nan")}}],
            "filters[0].fineweb.max_newline_ratio: expected float >= 0.0, got nan",
        ),
        (
            [{"gopher_quality": {"stop_words": ["the", 1]}}],
            "filters[0].gopher_quality.stop_words[1]: expected str, got 1",
        ),
        ([[1]], "filters[0]: expected a filter's name or one `name: {settings}`, got [1]"),
        (["\x1b[31m"], r"filters[0]: no filter is called '\x1b[31m'"),
        ([{"c4": 3}], "filters[0].c4: expected settings as `key: value`, got 3"),
        (["url", "url"], "filters[1]: url is in the list twice"),
        ([{"c4": {}, "url": {}}], "filters[0]: expected a filter's name"),
        ("url", "filters: expected a list of filters, got 'url'"),
    ],
)
def test_recipe_errors_name_the_key(spec: Any, message: str) -> None:
    with pytest.raises(ValueError, match="filters") as caught:
        chain_steps(spec)
    assert str(caught.value).startswith(message)


def test_recipe_entries() -> None:
    steps = chain_steps(["url", {"language": None}, {"fineweb": {"max_char_dup": 0.1}}])
    assert [step.name for step in steps] == ["url", "language", "fineweb"]
    assert steps[2].settings.max_char_dup == 0.1
    assert asset_names(steps) == ["url_lists", "public_suffixes", "lid176", "english_tokenizer"]


def test_the_catalogue_lists_every_rule_and_column_once() -> None:
    entries = catalogue()
    assert json.loads(json.dumps(entries)) == entries
    rules = [(entry["filter"], entry["rule"]) for entry in entries if entry["rule"]]
    assert len(rules) == len(set(rules))
    for name, spec in FILTERS.items():
        defaults = spec.settings() if spec.example is None else spec.example
        assert {rule for filter_, rule in rules if filter_ == name} == {
            rule.name for rule in spec.rules(defaults)
        }
        assert {e["column"] for e in entries if e["filter"] == name} == {
            s.column for s in spec.signals(defaults)
        }
        assert {key.partition(".")[0] for key in spec.thresholds} <= set(spec.settings.__struct_fields__)
    extracted = [entry for entry in entries if entry["filter"] == "extract"]
    assert [(one["column"], one["unit"], one["rule"]) for one in extracted] == [
        ("extract_characters", "characters", "empty"),
        ("extract_bytes", "bytes", None),
    ]
    assert [one["column"] for one in extracted] == [signal.column for signal in SIGNALS]
    for entry in entries:
        assert entry["unit"]
        assert entry["source"]
        assert entry["description"]


@pytest.mark.parametrize("name", TEXTS)
def test_spans_lie_in_the_text(name: str) -> None:
    text = "- one ...\n\nlorem ipsum { #\nsame line here\n\nsame line here\n- one ...\n"
    spec = FILTERS[name]
    values = spec.settings()
    found = {rule.name: spec.spans(text, rule.name, values) for rule in spec.rules(values)}
    assert any(found.values())
    for spans in found.values():
        assert all(0 <= start < end <= len(text) for start, end in spans)
        assert spans == sorted(spans)


def test_importing_filters_loads_nothing_heavy() -> None:
    code = "import sys, filters, filters.chain, filters.pii, filters.domain; print([m for m in " \
        "('numba', 'spacy', 'fasttext', 're2', 'torch', 'ray', 'tldextract') if m in sys.modules])"  # fmt: skip
    assert (
        subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
        == "[]\n"
    )
