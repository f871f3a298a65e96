"""Rules for sources of code: both sides of every threshold, encoded data by hand, and code told from prose."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from filters import code
from filters.batch import Batch
from filters.code import Settings
from filters.decide import fails
from tests.growth import assert_linear

ROOT = Path(__file__).resolve().parents[2]


def measured(*texts: str) -> list[dict[str, float]]:
    columns = code.measure(Batch(texts), Settings(), {})
    assert list(columns) == [signal.column for signal in code.signals(Settings())]
    assert all(np.isfinite(column).all() for column in columns.values())
    return [
        {name.removeprefix("code_"): column[i] for name, column in columns.items()} for i in range(len(texts))
    ]


def failing(row: dict[str, float], **values: Any) -> list[str]:
    rules = code.rules(Settings(**values))
    return [rule.name for rule in rules if fails(np.array([row[rule.signal.removeprefix("code_")]]), rule)[0]]


# rule: (column, text that passes, text that fails, value of each)
SIDES: dict[str, tuple[str, str, str, float, float]] = {
    "long_lines": ("mean_line", "a" * 150 + "\n" + "b" * 50, "a" * 150 + "\n" + "b" * 51, 100, 100.5),
    "longest_line": ("longest_line", "a\n" + "b" * 1000, "a\n" + "b" * 1001 + "\nc", 1000, 1001),
    "many_lines": ("lines", "\n" * 99_999, "\n" * 100_000, 100_000, 100_001),
    "alphanumeric": ("alphanumeric", "a1;;;;;;", "a1;;;;;;;", 2 / 8, 2 / 9),
    "alphabetic": ("alphabetic", "ab123456", "ab1234567", 2 / 8, 2 / 9),
    "xml": ("xml", " " * 87 + '<?xml version="1.0"?>', " " * 86 + '<?XML Version="1.0"?>', 0, 1),
    "generated": ("generated", "\n\n\n\n\n// DO NOT EDIT", "\n\n\n\n// Do Not Edit", 0, 1),
    "encoded_run": ("encoded_run", "aB3" * 341 + "a ", "aB3" * 341 + "aZ ", 1024, 1025),
    "encoded": ("encoded", "a" * 64 + "; " * 32, "a" * 64 + "; " * 31, 64 / 128, 64 / 126),
}


@pytest.mark.parametrize("rule", SIDES)
def test_both_sides(rule: str) -> None:
    column, kept, dropped, kept_value, dropped_value = SIDES[rule]
    for text, value, fail in ((kept, kept_value, False), (dropped, dropped_value, True)):
        row = measured(text)[0]
        assert row[column] == pytest.approx(value, abs=1e-12)
        assert (rule in failing(row)) is fail


@pytest.mark.parametrize(
    ("text", "run"),
    [
        ("a" * 63, 0),
        ("a" * 64, 64),
        ("x = '" + "QUJD" * 20 + "==';", 82),
        ("QUJD" * 19 + "\n" + "QUJD" * 5 + "\nend", 76 + 1 + 20),  # a line of 76, as MIME breaks them
        ("Home\nAbout\n" * 20, 0),  # a menu is no data
        ("=" * 100, 0),
        ("0x4f, 0x50, " * 4, 46),
        ("\\x4f" * 8, 32),
        ("\\x4f" * 7, 0),
        ("\\u004f" * 8, 48),
        ("4f 50 51 52 53 54 55 56", 23),
        ("10 11 12 13 14 15 16 17 18", 0),  # may be a calendar
        ("4f505", 0),
    ],
)
def test_encoded_runs(text: str, run: int) -> None:
    row = measured(text)[0]
    assert row["encoded_run"] == run
    assert row["encoded"] == pytest.approx(run / len(text))


CODE = [
    "def work(size: int) -> None:",
    "import_all(x);",
    "int main() {",
    "}",
    "x = 5",
    "const total = a + b",
    "if (a && b) return c",
    "std::vector<int> v",
    "node->next",
    "<div class='x'></div>",
    "<br/>",
    "// a comment",
    "# a comment",
    "#include <stdio.h>",
    "for i in range(10):",
    "return f(x)",
    "i += 1",
    'print("hello")',
]
PROSE = [
    "For the most part, it works.",
    "If you use it, return it.",
    "Import duties rose in March.",
    "(a) the sale of goods;",
    "apples, pears and plums;",
    "Home > News > Sport",
    "Site :: Page",
    "News || Site",
    "=====================",
    "----------",
    "* a point of a list",
    "It costs 5 = five dollars",
    "Read more: here",
    "let us go",
    "while it lasts,",
    "Das ist ein Satz über Klassen.",
]


@pytest.mark.parametrize("line", CODE)
def test_lines_of_code(line: str) -> None:
    assert measured(f"  {line}  ")[0]["code_share"] == 1


@pytest.mark.parametrize("line", PROSE)
def test_lines_of_prose(line: str) -> None:
    assert measured(line)[0]["code_share"] == 0


def test_comment_lines() -> None:
    text = "/* one\n * two\n * three */\n* four\n// five\n# six\n#seven\n-- eight\n<!-- nine\n\n'''ten"
    row = measured(text)[0]
    assert row["comment_lines"] == pytest.approx(
        8 / 10
    )  # four and seven are none, a blank line is not counted


def test_our_own_sources_are_code_and_pages_are_not(real_texts: list[tuple[str, str]]) -> None:
    sources = [
        path.read_text(encoding="utf-8") for path in sorted((ROOT / "filters" / "loops").glob("*_counts.py"))
    ]
    assert min(row["code_share"] for row in measured(*sources)) > 0.5
    shares = [row["code_share"] for row in measured(*[text for _, text in real_texts])]
    assert np.mean(np.array(shares) > 0.5) < 0.01


def test_every_setting_is_a_threshold_of_one_rule() -> None:
    for name in Settings.__struct_fields__:
        off = dict.fromkeys(Settings.__struct_fields__)
        on = [rule for rule in code.rules(Settings(**off | {name: 1})) if rule.threshold is not None]
        assert len(on) == 1, name
        assert on[0].drop_when == ("<" if name.startswith("min") else ">")


def test_same_in_any_batch() -> None:
    texts = [side[1] for side in SIDES.values()]
    assert measured(*texts) == [measured(text)[0] for text in texts]


@pytest.mark.parametrize("unit", ["word ", "4f ", "a" * 60 + "\n", "\\x4f", "/* \n", "= "])
def test_linear(unit: str) -> None:
    assert_linear(lambda size: measured(unit * size), 5_000)
