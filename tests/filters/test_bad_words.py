from __future__ import annotations

import random
import re
from pathlib import Path
from typing import Any

import pytest

from filters import bad_words
from filters.bad_words import ALLOWED, Settings
from filters.batch import Batch
from filters.chain import Chain, chain_steps
from filters.document import from_rows
from filters.text.phrases import LONGEST, WordLists, phrases
from pipeline.lists import words
from tests.growth import assert_linear

LISTED = WordLists(
    {
        "en": ("foo", "foo bar", "b-z", "Überfoo", "überfoo"),
        "ja": ("悪い", "sm"),
        "de": ("schlimm",),
    }
)


def measured(text: str, lists: WordLists = LISTED, **settings: Any) -> tuple[int, int]:
    found = bad_words.measure(Batch([text]), Settings(**settings), {"lists.badwords": lists})
    return int(found["bad_words_hits"][0]), int(found["bad_words_distinct"][0])


@pytest.mark.parametrize(
    ("text", "mc4", "c4", "redpajama"),
    [
        ("", 0, 0, 0),
        ("foo", 1, 0, 1),
        ("a foo.", 1, 1, 1),
        ("a foo", 1, 0, 1),  # C4's pattern wants a character on both sides
        ("foo a", 1, 0, 1),
        (" foo \n foo ", 2, 0, 2),  # on a line that was stripped
        ("a FOO. b", 1, 1, 1),
        ("food", 0, 0, 0),
        ("a foo_ b", 0, 1, 1),
        ("a foo1 b", 0, 1, 0),
        ("a fooé b", 0, 1, 0),
        ("a 'foo' b", 1, 1, 1),
        ("a foo-foo b", 2, 2, 0),
        ("a foo bar b", 2, 2, 2),
        ("a foo  bar b", 1, 1, 2),
        ("a foo\nbar b", 1, 0, 2),
        ("a b-z b", 1, 1, 0),  # RedPajama's words have no punctuation
        ("a f'oo b", 0, 0, 1),
        ("a ÜberFoo b", 1, 1, 0),
        ("ein schlimmes b", 0, 0, 0),
    ],
)
def test_rules_of_the_variants(text: str, mc4: int, c4: int, redpajama: int) -> None:
    found = [measured(text, variant=variant)[0] for variant in ("mc4", "c4", "redpajama")]
    assert found == [mc4, c4, redpajama]


def test_language_decides_list_and_boundaries() -> None:
    assert measured("これは悪いです悪い", language="ja") == (2, 1)
    assert measured("sm", language="ja") == (0, 0)  # allowed
    assert measured("schlimm foo", language="de") == (1, 1)
    assert measured("schlimm foo", WordLists({"": ("foo",)}), language="de") == (1, 1)
    with pytest.raises(ValueError, match=r"no words for the language 'xx'; it has: de, en, ja"):
        measured("x", language="xx")


def test_counts_per_thousand_words_and_the_draw() -> None:
    texts = ["foo foo is two of six"] * 2000
    ids = [f"x@{i}" for i in range(2000)]
    batch = Batch(texts, ids=ids)
    found = bad_words.measure(batch, Settings(keep_fraction=0.1), {"lists.badwords": LISTED})
    assert set(found["bad_words_per_thousand"]) == {2000 / 6}
    spared = found["bad_words_unspared"] == 0
    assert 150 < spared.sum() < 250
    assert set(found["bad_words_unspared"][~spared]) == {2}
    assert set(found["bad_words_hits"]) == {2}
    again = bad_words.measure(
        Batch(texts[:9], ids=ids[:9]), Settings(keep_fraction=0.1), {"lists.badwords": LISTED}
    )
    assert again["bad_words_unspared"].tolist() == found["bad_words_unspared"][:9].tolist()


@pytest.mark.parametrize(("most", "kept"), [(None, [1, 1, 1]), (0, [1, 0, 0]), (1, [1, 1, 0])])
def test_rule(most: int | None, kept: list[int]) -> None:
    chain = Chain(chain_steps([{"bad_words": {"max_hits": most}}]), {"lists.badwords": LISTED})
    rows: list[dict[str, object]] = [
        {"id": text, "text": text} for text in ("fine text", "a foo", "a foo, a foo")
    ]
    assert chain.apply(from_rows(rows)).verdict.keep.tolist() == [bool(one) for one in kept]


def test_decisions_are_those_of_the_published_patterns(data_dir: Path) -> None:
    lists = words(data_dir / "lists" / "badwords")
    listed = lists.words("en")
    mc4 = re.compile(r"(?:\W|^)({})(?:\W|$)".format("|".join(map(re.escape, set(listed) - ALLOWED))))
    c4 = re.compile("[^a-z]({})[^a-z]".format("|".join(listed)))
    draw = random.Random(1)
    pieces = [*listed, "a", "the", "Ass", "_", "-", "'", ".", " ", "\n", "\t", "é", "9", "ss"]
    texts = ["".join(draw.choices([*pieces, *[" "] * 30], k=6)) for _ in range(3000)]
    batch, loaded = Batch(texts), {"lists.badwords": lists}
    found = bad_words.measure(batch, Settings(), loaded)["bad_words_hits"] > 0
    assert found.tolist() == [mc4.search(text.lower()) is not None for text in texts]
    assert 300 < found.sum() < 2700
    found = bad_words.measure(batch, Settings(variant="c4"), loaded)["bad_words_hits"] > 0
    lines = [[line.strip().lower() for line in text.splitlines()] for text in texts]
    assert found.tolist() == [any(c4.search(line) for line in one) for one in lines]


def test_cost_is_linear_on_hostile_text() -> None:
    lists = WordLists({"ja": tuple("a" * size for size in range(1, 60)), "en": ("a a a a a a a b",)})

    def work(size: int) -> None:
        for language in ("ja", "en"):
            texts = ["a" * size, "a " * size]
            bad_words.measure(Batch(texts), Settings(language=language), {"lists.badwords": lists})

    assert_linear(work, 4000)


def test_a_phrase_without_end_is_refused() -> None:
    assert phrases(("a", "ab", "a", "")).size == 2
    with pytest.raises(ValueError, match="a phrase of 201 characters"):
        phrases(("x" * (LONGEST + 1),))
