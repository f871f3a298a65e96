"""RefinedWeb's line corrections: exact texts and counts by hand, both sides of every limit."""

from __future__ import annotations

from typing import Any

import pytest

from filters import refinedweb
from filters.batch import Batch
from tests.filters.golden import decision
from tests.growth import assert_linear

KEPT = "A line that stays."


def corrected(text: str, **values: Any) -> tuple[str, dict[str, int]]:
    """The edited text and the causes that are not zero."""
    row, _ = decision("refinedweb_lines", text, **values)
    causes = ("newlines", "uppercase", "numeric", "counters", "short", "cart", "read_more", "sign_in")
    return row["text"], {name: row[name] for name in causes if row[name]}


def test_a_page_by_hand() -> None:
    page = [
        "  HOME AND ABOUT",
        "12345",
        "A first line with Some words",
        "",
        "",
        "",
        "",
        "1.2K shares",
        "Subscribe",
        "Your 3 items in cart now",
        "Read more...",
        "The whole story is here. Read more...",
        "Sign-in to see it",
        "The last line ",
    ]
    text, counts = corrected("\n".join(page))
    assert text == "\n".join(
        [
            "A first line with Some words",
            "",
            "Your 3 now",
            "The whole story is here.",
            "to see it",
            "The last line",
        ]
    )
    assert counts == {
        "newlines": 3,
        "uppercase": 1,
        "numeric": 1,
        "counters": 1,
        "short": 1,
        "cart": 1,
        "read_more": 2,
        "sign_in": 1,
    }


@pytest.mark.parametrize(
    ("line", "cause"),
    [
        ("AB cd", None),  # 2 of 5
        ("ABC de", None),  # 3 of 6
        ("ABCD ef", "uppercase"),  # 4 of 7
        ("12345", "numeric"),
        ("²³", "numeric"),
        ("12345 6", None),
        ("3 likes", "counters"),
        ("1.2K Shares", "counters"),
        ("(12,345 views)", "counters"),
        ("-- 7b\tFollowers --", "counters"),
        ("٣ comments", "counters"),
        ("likes 3", None),
        ("3 likes it", None),
        ("3 like it", None),
        ("3 k likes", None),
        ("a 3 likes", None),
        ("5 likes_ x", None),
        ("word", "short"),
        ("two words", None),
    ],
)
def test_lines_on_both_sides(line: str, cause: str | None) -> None:
    text, counts = corrected(f"{KEPT}\n{line}\n{KEPT}")
    assert text == (f"{KEPT}\n{KEPT}" if cause else f"{KEPT}\n{line}\n{KEPT}")
    assert counts == ({cause: 1} if cause else {})


@pytest.mark.parametrize(
    "word",
    "likes shares comments retweets reposts quotes bookmarks upvotes downvotes downloads views followers".split(),
)
def test_every_counted_thing(word: str) -> None:
    assert corrected(f"{KEPT}\n10 {word}")[1] == {"counters": 1}


@pytest.mark.parametrize(
    ("line", "left", "cause"),
    [
        ("x items in cart y Items in Cart", "x y", "cart"),
        ("the whole story READ MORE...", "the whole story", "read_more"),
        ("the whole story read more now", "the whole story read more now", None),
        ("the whole story read more it", "the whole story", "read_more"),  # three characters, whichever
        ("read more... of the story", "read more... of the story", None),
        ("sign-in  to see", " to see", "sign_in"),
        ("please sign-in", "please sign-in", None),
        ("a b c d e f g h read more...", "a b c d e f g h", "read_more"),  # ten words
        ("a b c d e f g h i read more...", "a b c d e f g h i read more...", None),  # eleven
        ("Items in cart", None, "cart"),
    ],
)
def test_phrases(line: str, left: str | None, cause: str | None) -> None:
    text, counts = corrected(f"{KEPT}\n{line}\n{KEPT}")
    assert text == "\n".join(part for part in (KEPT, left, KEPT) if part is not None)
    assert sum(counts.values()) == (2 if line.startswith("x items") else bool(cause))
    assert set(counts) == ({cause} if cause else set())


def test_newlines_and_ends() -> None:
    assert corrected(f"{KEPT}\n\n\n\n\n{KEPT}")[0] == f"{KEPT}\n\n{KEPT}"
    assert corrected(f"\n \n\n{KEPT}\n\n\n")[0] == KEPT
    assert corrected(f"{KEPT}\n\n\n{KEPT}", max_newlines=None)[0] == f"{KEPT}\n\n\n{KEPT}"
    assert corrected(f"{KEPT}\n\n{KEPT}", max_newlines=1)[0] == f"{KEPT}\n{KEPT}"
    assert corrected("")[0] == ""


def test_steps_can_be_switched_off() -> None:
    page = f"ALL UPPER CASE\n123\n3 likes\nword\n{KEPT}"
    off: dict[str, Any] = {
        "max_uppercase": None,
        "remove_numeric": False,
        "remove_counters": False,
        "min_words_per_line": 0,
    }
    assert corrected(page)[0] == KEPT
    assert corrected(page, **off) == (page, {})


def test_more_than_a_twentieth_of_the_words_drops_the_page() -> None:
    for words, fails in ((38, False), (37, True)):
        row, reasons = decision("refinedweb_lines", " ".join(["word"] * words) + "\n. LOUD NOISE !")
        assert row["words"] == words + 2
        assert row["removed_words"] == pytest.approx(2 / (words + 2))
        assert reasons == ["removed_words"] * fails
    assert decision("refinedweb_lines", "...")[0]["removed_words"] == 1
    assert decision("refinedweb_lines", "word", max_removed_words=None)[1] == []


def test_dolma3_differs_as_documented() -> None:
    def other(text: str) -> str:
        return corrected(text, variant="dolma3")[0]

    assert (
        other(f" {KEPT}\n\n\n12\n\n{KEPT}") == f" {KEPT}\n\n{KEPT}"
    )  # not stripped; newlines again at the end
    assert other(f"{KEPT}\nÉÉ é\n{KEPT}") == f"{KEPT}\nÉÉ é\n{KEPT}"  # two of seven bytes
    assert corrected(f"{KEPT}\nÉÉ é\n{KEPT}")[0] == f"{KEPT}\nÉÉ é\n{KEPT}"  # two of four characters
    assert corrected(f"{KEPT}\nÉÉ -\n{KEPT}É")[0] == f"{KEPT}\nÉÉ -\n{KEPT}É"
    assert other(f"{KEPT}\n²³ ¹\n{KEPT}") == f"{KEPT}\n²³ ¹\n{KEPT}"  # words, but no ASCII digits
    assert other(f"{KEPT}\n- word -\n{KEPT}") == f"{KEPT}\n{KEPT}"  # one Unicode word
    assert other(f"{KEPT}\nx items in cart y") == f"{KEPT}\nx y"
    assert other(f"{KEPT}\nx Items in cart y") == f"{KEPT}\nx Items in cart y"
    assert other(f"{KEPT}\nitems in cart y") == f"{KEPT}\n y"
    long = "a b c d e f g h i j k l"
    assert other(f"{long} Read more...\nSign-in {long}") == f"{long}\n{long}"
    assert other(f"{long} read more...\nsign-in {long}") == f"{long} read more...\nsign-in {long}"
    assert other(f"{KEPT}\r\n{KEPT}\n") == f"{KEPT}\n{KEPT}"


@pytest.mark.parametrize("variant", ["dclm", "dolma3"])
def test_texts_of_a_batch_do_not_touch(variant: Any) -> None:
    texts = [
        "3",
        " likes",
        "",
        "\n\n",
        "one",
        "two words",
        "items in",
        " cart",
        "A B\n3 likes\nitems in cart",
    ]
    settings = refinedweb.Settings(variant=variant)
    together = refinedweb.measure(Batch(texts), settings, {})
    edited = refinedweb.edit(Batch(texts), settings)
    for row, text in enumerate(texts):
        alone = refinedweb.measure(Batch([text]), settings, {})
        assert refinedweb.edit(Batch([text]), settings) == [edited[row]]
        assert {name: values[row] for name, values in together.items()} == {
            name: values[0] for name, values in alone.items()
        }


@pytest.mark.parametrize("variant", ["dclm", "dolma3"])
@pytest.mark.parametrize("unit", ["items in cart ", "\n", "1,", "Sign-in\n", "  \n", "a b\n\n\n\n"])
def test_hostile_text_costs_linear_time(unit: str, variant: Any) -> None:
    settings = refinedweb.Settings(variant=variant)

    def work(size: int) -> None:
        batch = Batch([unit * size])
        refinedweb.measure(batch, settings, {})
        refinedweb.edit(batch, settings)

    assert_linear(work, 10_000)
