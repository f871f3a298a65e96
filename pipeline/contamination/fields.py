"""From a row of a benchmark to an item, by the names that fields have in published files.

A file with other names is described by a task of lm-evaluation-harness (`pipeline/contamination/tasks.py`).
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping, Sequence
from typing import Any

from filters.contamination.items import Item
from pipeline.lists import ListError
from pipeline.show import show_text

QUESTION = (
    "question",
    "query",
    "question_stem",
    "prompt",
    "problem",
    "premise",
    "goal",
    "instruction",
    "ctx",
    "sentence",
    "input",
    "text",
)
PASSAGE = ("passage", "support", "context", "article", "story", "fact1")
CHOICES = ("choices", "options", "endings")
ANSWER = (
    "answer",
    "answers",
    "correct_answer",
    "target",
    "solution",
    "output",
    "completion",
    "gold",
    "label",
    "answerKey",
)
ID = ("id", "idx", "uid", "question_id", "qid")

_NUMBERED = re.compile(r"(?:choice|option|ending|sol|distractor)_?[0-9]+")
_STEPS = re.compile(r"<<[^<>\n]*>>")  # GSM8K's calculator, which no reader sees


def plain(text: str) -> str:
    """Text as a page shows it: HTML entities decoded, notes for a calculator left out."""
    return _STEPS.sub("", html.unescape(text))


def item_of(row: Mapping[str, Any], benchmark: str, number: int, place: str) -> Item:
    """The item of a row with number `number`; ListError, beginning with `place`, where no field is a question."""
    asked = _first(row, QUESTION)
    choices, labels = _choices(row)
    if isinstance(asked, Mapping):  # ARC as first published: the stem and the choices together
        own, labels_of_own = _choices(asked)
        choices, labels = own or choices, labels_of_own or labels
        asked = asked.get("stem")
    passage = _first(row, PASSAGE)
    if not isinstance(asked, str) and isinstance(passage, str):
        asked, passage = passage, None
    if not isinstance(asked, str):
        known = ", ".join(QUESTION[:4])
        raise ListError(
            f"{place}: no field is a question (there are: {show_text(', '.join(map(str, row)), 200)}; known are "
            f"{known} and others); describe the file by a task YAML with doc_to_text"
        )
    if "distractor1" in row:  # the wrong ones alone
        answers = answers_of(_first(row, ANSWER), ())
        choices = (*answers, *choices)
    else:
        answers = answers_of(_first(row, ANSWER), choices, labels)
    return Item(
        benchmark=benchmark,
        id=_name(row, number),
        question=plain(asked),
        answers=tuple(map(plain, answers)),
        choices=tuple(map(plain, choices)),
        passage=plain(passage) if isinstance(passage, str) else "",
    )


def _first(row: Mapping[str, Any], names: Sequence[str]) -> Any:
    return next((row[name] for name in names if row.get(name) is not None), None)


def _name(row: Mapping[str, Any], number: int) -> str:
    value = _first(row, ID)
    return str(value) if isinstance(value, str | int) else str(number)


def _choices(row: Mapping[str, Any]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Choices and their labels, as far as there are any."""
    given = _first(row, CHOICES)
    if isinstance(given, Mapping) and isinstance(given.get("text"), list):
        return tuple(map(str, given["text"])), tuple(map(str, given.get("label") or ()))
    if isinstance(given, Mapping):
        return tuple(map(str, given.values())), tuple(map(str, given))
    if isinstance(given, list) and all(isinstance(one, Mapping) for one in given):
        texts = tuple(str(one.get("text", "")) for one in given)
        return texts, tuple(str(one.get("label", "")) for one in given)
    if isinstance(given, list):
        return tuple(map(str, given)), ()
    names = sorted(
        (name for name in row if _NUMBERED.fullmatch(str(name))), key=lambda name: (len(name), name)
    )
    return tuple(str(row[name]) for name in names if row[name] is not None), ()


def answers_of(value: Any, choices: Sequence[str], labels: Sequence[str] = ()) -> tuple[str, ...]:
    """The right answers as texts: a text, a number or letter of a choice, or several of them."""
    if isinstance(value, Mapping):
        value = value.get("text")
    if isinstance(value, list):
        return tuple(text for one in value for text in answers_of(one, choices, labels))
    if isinstance(value, bool) or value is None:
        return ()
    if isinstance(value, int | float) and not choices:
        return (str(value),)
    if isinstance(value, str) and choices and value not in choices:
        if value in labels:
            return (choices[labels.index(value)],) if labels.index(value) < len(choices) else ()
        if len(value) == 1 and value.isascii() and value.isalpha():
            at = ord(value.upper()) - ord("A")
            return (choices[at],) if at < len(choices) else ()
        if value.isdecimal() and int(value) < len(choices):
            return (choices[int(value)],)
    if isinstance(value, int):
        return (choices[value],) if 0 <= value < len(choices) else ()
    return (value,) if isinstance(value, str) else ()


def without_template(questions: Sequence[str]) -> list[str]:
    """The questions without the words with which all of them begin or end, such as `Question:` and `Answer:`.

    Of fewer than ten questions nothing can be said.
    """
    if len(questions) < 10:
        return list(questions)
    words = [list(re.finditer(r"\S+", text)) for text in questions]
    fewest = min(map(len, words))
    if fewest == 0:
        return list(questions)

    def common(at: Sequence[int]) -> int:
        for count, index in enumerate(at):
            if len({one[index].group() for one in words}) > 1:
                return count
        return len(at)

    begin = common(range(fewest))
    end = common([-1 - i for i in range(fewest - begin)])
    if begin + end == fewest:
        return list(questions)
    return [
        text[one[begin].start() : one[len(one) - end - 1].end()]
        for text, one in zip(questions, words, strict=True)
    ]
