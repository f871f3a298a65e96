"""Conditions are read as stated, refused with the place, and decide by stored signals alone."""

from __future__ import annotations

import numpy as np
import pytest

from filters.chain import Chain, chain_steps
from filters.conditions import ConditionError, holds, parse
from filters.document import from_rows

COLUMNS = {
    "words": np.array([10.0, 20.0, np.nan, 30.0]),
    "domain": np.array(["code", "law", None, "code"], object),
    "score": np.array([0.1, 0.9, 0.5, 0.9]),
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("words >= 20", [False, True, False, True]),
        ("words < 20", [True, False, False, False]),
        ("domain == code", [True, False, False, True]),
        ("domain != code", [False, True, False, False]),
        ("domain in [law, 'code']", [True, True, False, True]),
        ("not domain == code", [False, True, True, False]),
        ("domain == code or score > .8", [True, True, False, True]),
        ("domain == code and score > .8 or words == 20", [False, True, False, True]),
        ("domain == code and (score > .8 or words == 20)", [False, False, False, True]),
        ("words == code", [False, False, False, False]),
        ("domain == 3", [False, False, False, False]),
        ("words in [10, 30]", [True, False, False, True]),
    ],
)
def test_what_holds(text: str, expected: list[bool]) -> None:
    assert holds(parse(text), COLUMNS, 4).tolist() == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "at the end: expected a column"),
        ("words", "expected == != < <= > >= or `in` after the column words"),
        ("words >", "at the end: expected a number or a label"),
        ("words > ten", "'ten': a label is compared by == or !=, `>` needs a number"),
        ("words > 3 words", "'words': expected `and`, `or` or the end"),
        ("(words > 3", "at the end: expected `)`"),
        ("words in 3", "'3': expected a list such as [en, de] after `in`"),
        ("words in [3", "at the end: expected `,` or `]`"),
        ("wrods > 3", "no filter of this recipe measures 'wrods'; did you mean 'words'?"),
        ("words > 3 ; import os", "is not part of a condition|expected `and`"),
        ("(" * 60 + "words > 3" + ")" * 60, "nested more than 50 deep"),
        ("words > 3 and " * 200 + "words > 3", "at most 2000 characters"),
    ],
)
def test_what_is_refused(text: str, message: str) -> None:
    with pytest.raises(
        ConditionError, match=message.replace("[", r"\[").replace("(", r"\(").replace(")", r"\)")
    ):
        parse(text, list(COLUMNS))


CODE = "int main() {\n  return 0;\n}\n"


def test_unless_spares_only_its_rule_and_is_told() -> None:
    spec = [{"c4": {"rules": {"curly_bracket": {"unless": "gopher_quality_words >= 5"}}}}, "gopher_quality"]
    chain = Chain(chain_steps(spec))
    long = "The {braces} of this line stand among more than five plain words. " * 3
    table = from_rows([{"id": "long", "text": long}, {"id": "short", "text": "Some {braces} here."}])
    verdict = chain.apply(table).verdict
    assert "c4.curly_bracket" not in verdict.reasons[0].as_py()
    assert verdict.excused.to_pylist() == [["c4.curly_bracket"], []]
    assert verdict.reason[1].as_py() == "c4.curly_bracket"
    stored = chain.apply(table).documents
    assert chain.decide(stored).excused.to_pylist() == verdict.excused.to_pylist()
    told = {one.rule: one for one in chain.explain(stored.to_pylist()[0])}
    assert told["c4.curly_bracket"].excused
    assert not told["c4.curly_bracket"].failed
    assert told["c4.curly_bracket"].condition == "unless gopher_quality_words >= 5"


def test_when_limits_all_rules_of_a_filter() -> None:
    chain = Chain(chain_steps([{"gopher_quality": {"when": "language == en"}}]))
    rows = [{"id": name, "text": "short", "language": name} for name in ("en", "de")]
    verdict = chain.apply(from_rows([*rows, {"id": "none", "text": "short"}])).verdict
    assert verdict.keep.tolist() == [False, True, True]
    assert "gopher_quality.short" in verdict.excused[1].as_py()


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (
            [{"c4": {"unless": "domian == code"}}],
            r"filters\[0\]\.c4\.unless: no filter of this recipe measures",
        ),
        (
            [{"c4": {"rules": {"curly": {}}}}],
            r"filters\[0\]\.c4\.rules\.curly: no such rule; did you mean 'curly_",
        ),
        ([{"c4": {"rules": {"sentences": {"if": "x"}}}}], r"rules\.sentences: expected when: and unless:"),
        ([{"c4": {"when": 3}}], r"filters\[0\]\.c4\.when: expected a condition as text, got 3"),
        (
            [{"c4": {"by_language": {"de": {"min_sentnces": 3}}}}],
            r"c4\.by_language\.de\.min_sentnces: no such",
        ),
    ],
)
def test_mistakes_name_the_key(spec: list[object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        chain_steps(spec)


def test_settings_by_language_decide_and_measure() -> None:
    spec = [
        {
            "gopher_quality": {
                "min_words": 3,
                "min_word_length": 2,
                "by_language": {
                    "de": {"min_words": 1, "stop_words": ["der", "die"]},
                    "fr": {"min_stop_words": 0},
                },
            }
        }
    ]
    chain = Chain(chain_steps(spec))
    texts = {"en": "the cat of old", "de": "der Hund", "fr": "le chat noir"}
    rows = [{"id": name, "text": text, "language": name} for name, text in texts.items()]
    applied = chain.apply(from_rows([*rows, {"id": "xx", "text": "der Hund"}]))
    assert applied.documents["gopher_quality_stop_words"].to_pylist() == [2, 1, 0, 0]
    assert applied.verdict.reasons.to_pylist() == [
        [],
        ["gopher_quality.stop_words"],
        [],
        ["gopher_quality.short", "gopher_quality.stop_words"],
    ]
    assert chain.decide(applied.documents).reasons.to_pylist() == applied.verdict.reasons.to_pylist()
    assert {
        one.threshold
        for one in chain.explain({**applied.documents.to_pylist()[1]})
        if one.rule.endswith("short")
    } == {1}


def test_settings_by_language_count_as_measuring_only_where_they_measure_otherwise() -> None:
    plain = Chain(chain_steps(["gopher_quality"])).fingerprint_settings(thresholds=False)

    def measured(values: dict[str, object]) -> object:
        return Chain(chain_steps([{"gopher_quality": {"by_language": {"de": values}}}])).fingerprint_settings(
            thresholds=False
        )

    assert measured({"min_words": 1}) == plain
    assert measured({"stop_words": ["der"]}) != plain
