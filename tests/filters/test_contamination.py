"""Which items are found in which texts, by hand; what the filter drops and what it cuts."""

from __future__ import annotations

import json
import random
from typing import Any

import numpy as np
import pytest

from filters.batch import Batch
from filters.chain import Chain, chain_steps
from filters.contamination import SPEC, Benchmarks, Item, streams
from filters.contamination.cut import cut, gaps, pieces
from filters.contamination.matches import Match, read
from filters.contamination.spec import Settings
from filters.document import from_rows
from tests.growth import assert_linear

QUESTION = (
    "How many red apples does the old farmer sell on the third day of the long market week?"  # 18 words
)
ANSWER = "He sells twelve apples because nine of the twenty one were eaten by birds."
PASSAGE = (
    "Birds of the northern valley eat fruit in autumn and leave for the warm coast when the first snow falls."
)
ITEM = Item(benchmark="farm", id="7", question=QUESTION, answers=(ANSWER,), passage=PASSAGE)
FILL = "Nothing in this sentence was ever asked of anybody, and it is here to take room. "


def filter_of(*items: Item, **settings: Any) -> tuple[Settings, dict[str, Benchmarks]]:
    return Settings(**{"kinds": ("ngram", "tokens", "near"), **settings}), {
        "lists.benchmarks": Benchmarks(items or (ITEM,))
    }


def columns(texts: list[str], *items: Item, **settings: Any) -> dict[str, list[Any]]:
    chosen, lists = filter_of(*items, **settings)
    found = SPEC.measure(Batch(texts), chosen, lists)
    return {name.removeprefix("contamination_"): values.tolist() for name, values in found.items()}


def matches(text: str, *items: Item, **settings: Any) -> list[Match]:
    return read(columns([text], *items, **settings)["matches"][0])


def words(count: int, first: int = 0) -> str:
    """Words without digits, far apart from each other."""
    return " ".join(
        "".join(random.Random(n).choices("abcdefghijklmnop", k=8)) for n in range(first, first + count)
    )


def test_a_clean_text_has_nothing() -> None:
    found = columns([FILL, "", "\n"])
    assert found == {"ngrams": [0, 0, 0], "tokens": [0, 0, 0], "near": [0, 0, 0], "matches": [None] * 3}


def test_verbatim_is_found_every_way_at_its_place() -> None:
    text = FILL + QUESTION + " " + FILL
    found = matches(text)
    assert [(one.kind, one.benchmark, one.item) for one in found] == [
        ("near", "farm", "7"),
        ("ngram", "farm", "7"),
        ("tokens", "farm", "7"),
    ]
    start = len(FILL)
    assert (found[0].start, found[0].end) == (
        start,
        start + len(QUESTION) - 1,
    )  # the question mark is no word
    assert (found[2].start, found[2].end) == (start, start + len(QUESTION))
    assert found[0].score == found[2].score == 1
    assert found[1].text == QUESTION[:-1]
    assert columns([text])["ngrams"] == [18 - 13 + 1]


@pytest.mark.parametrize(
    ("item", "text", "places"),
    [
        (words(13), words(13), 1),
        (words(13), words(12), 0),
        (words(13), words(12, 1), 0),
        (words(14), words(14), 2),
        (words(14), words(13, 1), 1),
        (words(12), words(12), 1),  # a short item, whole
        (words(12), words(11), 0),
        (words(12), words(11, 1), 0),
        (words(8), f"{FILL} {words(8)} {FILL}", 1),
        (words(7), words(7), 0),  # too short
        (words(5), words(5), 0),
    ],
)
def test_thirteen_words_or_all_of_a_shorter_item(item: str, text: str, places: int) -> None:
    one = Item(benchmark="b", id="1", question=item)
    assert columns([text], one, kinds=("ngram",))["ngrams"] == [places]


def test_a_short_question_is_found_with_its_answer() -> None:
    one = Item(benchmark="b", id="1", question=words(6), answers=(words(3, 50),))
    assert columns([words(6), f"{words(6)}. {words(3, 50)}"], one)["ngrams"] == [0, 1]
    assert columns([words(6), f"{words(6)}. {words(3, 50)}"], one)["near"] == [0, 1]
    between = f"{words(6)}\nChoose one:\nA. {words(2, 70)}\nB. {words(3, 50)}"
    assert columns([between], one)["near"] == [1]


@pytest.mark.parametrize(
    "text",
    [
        QUESTION.upper(),
        QUESTION.replace(" ", "\n"),
        "**" + QUESTION.replace(" ", " \t ") + "**",
        "- " + QUESTION.replace("the old", "the «old»").replace("sell", "ﬁll".replace("ﬁll", "sell")),
        QUESTION.replace("e", "ｅ"),  # full width
        QUESTION.replace("a", "á"),
    ],
)
def test_case_marks_white_space_and_accents_do_not_matter(text: str) -> None:
    assert columns([text])["ngrams"] == [6]
    assert columns([text])["near"] == [1]


def test_apostrophes_hyphens_and_ligatures_are_one_word() -> None:
    one = Item(benchmark="b", id="1", question=f"don't re-do the official {words(9)}")
    assert columns([f"Don’t redo the oﬃcial {words(9)}"], one)["ngrams"] == [1]


def test_a_missing_space_behind_a_mark_matters_not() -> None:
    assert columns([f"Quiz:({QUESTION}){FILL}", f"{QUESTION}A"])["near"] == [1, 1]
    one = Item(benchmark="b", id="1", question=f"it cost 1,000 in 1914-18, {words(9)}")
    assert columns([f"It cost 1000 in 191418 {words(9)}"], one)["ngrams"] == [2]


def test_each_character_of_a_script_without_spaces_is_a_word() -> None:
    one = Item(benchmark="b", id="1", question="下列哪一项最能说明光合作用是食物网的基础")
    text = "问题：下列哪一项，最能说明光合作用是食物网的基础？"
    assert columns([text], one)["ngrams"] == [20 - 13 + 1]


def test_tokens_are_taken_as_they_stand() -> None:
    assert columns([QUESTION, QUESTION.lower(), QUESTION.replace("?", "!")])["tokens"] == [
        1,
        18 / 19,
        18 / 19,
    ]
    half = " ".join(QUESTION.split()[:10])
    assert columns([half], kinds=("tokens",))["tokens"] == [10 / 19]
    assert columns([" ".join(QUESTION.split()[:9])], kinds=("tokens",))["tokens"] == [0]


def test_runs_of_marks_are_no_tokens_of_an_item() -> None:
    one = Item(benchmark="b", id="1", question="What is . . . . . . . . . . . . . . .")
    assert columns([". . . . . . . . . . . . . . . . . . ."], one)["tokens"] == [0]


def test_parts_can_be_left_out() -> None:
    texts = [QUESTION, ANSWER, PASSAGE]
    assert [bool(n) for n in columns(texts)["ngrams"]] == [True, True, True]
    assert [bool(n) for n in columns(texts, parts=("question",))["ngrams"]] == [True, False, False]
    assert [bool(n) for n in columns(texts, parts=("answer", "passage"))["ngrams"]] == [False, True, True]


def test_what_many_items_share_is_their_phrase() -> None:
    shared = words(13)
    many = [Item(benchmark="b", id=str(i), question=f"{shared} {words(3, 30 + 3 * i)}") for i in range(11)]
    assert columns([shared], *many, kinds=("ngram",))["ngrams"] == [0]
    assert columns([shared], *many[:10], kinds=("ngram",))["ngrams"] == [1]
    assert columns([shared], *many, kinds=("ngram",), max_items=None)["ngrams"] == [1]
    same = [Item(benchmark="b", id=str(i), question="", passage=shared) for i in range(11)]
    assert len(matches(shared, *same, kinds=("ngram",))) == 11  # one text, of many items


def test_typos_swaps_and_inserted_words_are_near() -> None:
    typos = QUESTION.replace("farmer", "famrer").replace("market", "marcket")
    swapped = QUESTION.replace("third day", "day third")
    with_more = QUESTION.replace("apples does", "apples, dear reader, does")
    found = columns([typos, swapped, with_more])
    assert found["ngrams"] == [0, 0, 14 - 13 + 1]
    assert found["near"] == [1, 1, 1]


def test_another_number_is_another_question() -> None:
    one = Item(benchmark="b", id="1", question=QUESTION.replace("third", "13"))
    assert columns([QUESTION.replace("third", "14")], one)["near"] == [0]


def test_other_words_of_the_same_theme_are_not_near() -> None:
    text = (
        "The old farmer does sell red apples on the market, many of them, and the third week is a long one."
    )
    assert columns([text])["near"] == [0]


@pytest.mark.parametrize(
    ("size", "left_out", "score"),
    [
        (20, 0, 1.0),
        (20, 1, 0.0),  # every word is asked for
        (50, 9, 0.82),
        (60, 12, 0.8),
        (35, 2, (33 / 35 - 0.5) / 0.5),  # half way between: (overlap - .5) / .5
    ],
)
def test_the_shorter_the_more_has_to_be_there(size: int, left_out: int, score: float) -> None:
    one = Item(benchmark="b", id="1", question=words(size))
    # All words are equally rare, so that the overlap is the share of words.
    kept = words(size).split()[: size - left_out]
    found = columns([" ".join(kept) + " 1 2 3 4 5 6 7 8 9 10 11 12 13 14"], one, kinds=("near",))["near"]
    assert found == [pytest.approx(score, abs=1e-6)]


def test_rare_words_weigh_more() -> None:
    common = [Item(benchmark="b", id=str(i), question=f"{words(1)} {words(6, 10 + 9 * i)}") for i in range(8)]
    one = Item(benchmark="b", id="x", question=words(60))
    text = " ".join(words(60).split()[1:])
    alone, among = (columns([text], *more, one, kinds=("near",))["near"][0] for more in ([], common))
    assert alone == pytest.approx(59 / 60, abs=1e-6)
    assert alone < among < 1


def test_the_answer_and_the_passage_count_with_the_question() -> None:
    question, answer = words(30), words(30, 30)
    one = Item(benchmark="b", id="1", question=question, answers=(answer,))
    asked = " ".join(question.split()[:26])  # 26 of 30 are too few
    far = f"{asked} {FILL * 20} {answer}"
    found = columns([asked, f"{asked} {answer}", far], one, kinds=("near",))["near"]
    assert found[0] == found[2] == pytest.approx((26 / 30 - 2 / 3) * 3)
    assert found[1] == pytest.approx(56 / 60)
    passage = Item(benchmark="b", id="1", question=question, passage=answer)
    assert columns([f"{answer} {asked}"], passage, kinds=("near",))["near"] == [pytest.approx(56 / 60)]


def test_documents_do_not_run_into_each_other() -> None:
    one = Item(benchmark="b", id="1", question=words(14))
    assert columns([words(7), words(7, 7)], one)["ngrams"] == [0, 0]


def test_a_batch_says_what_single_documents_say() -> None:
    draw = random.Random(3)
    pool = [QUESTION, ANSWER, PASSAGE, FILL, "\ud800", "…", " Σ İ ﬁ", QUESTION.lower()]
    texts = ["".join(draw.choices(pool, k=draw.randrange(6))) for _ in range(80)]
    whole = columns(texts)
    for at, text in enumerate(texts):
        assert {name: values[0] for name, values in columns([text]).items()} == {
            name: values[at] for name, values in whole.items()
        }
        for one in read(whole["matches"][at]):
            assert 0 <= one.start < one.end <= len(text)


def test_hashes_alone_are_those_of_the_words_with_places() -> None:
    draw = random.Random(5)
    pieces = [
        *"aZé'’-–—!;.,  \n\t字かกﬁ½²Σß\u0301\u00ad\ud800",
        "don't",
        "ﬁﬁ",
        "e\u0301",
        "字字a",
        "\U0010ffff",
    ]
    texts = ["".join(draw.choices(pieces, k=draw.randrange(40))) for _ in range(500)]
    batch = Batch(texts)
    whole, alone = streams.words(batch.codes, batch.bounds), streams.word_hashes(batch.codes, batch.bounds)
    assert whole.offsets.tolist() == alone.offsets.tolist()
    assert whole.hashes.tolist() == alone.hashes.tolist()
    assert len(whole.hashes) > 2000


def test_cost_is_linear_in_repeated_items() -> None:
    chosen, lists = filter_of()
    assert_linear(lambda size: SPEC.measure(Batch([f"{QUESTION} {FILL}" * size]), chosen, lists), 40)


def test_gpt3_cut() -> None:
    assert gaps(2000, [(500, 600)], 200) == [(300, 800)]
    assert gaps(2000, [(500, 600), (1000, 1001)], 200) == [(300, 1201)]
    assert gaps(2000, [(500, 600), (1001, 1002)], 200) == [(300, 800), (801, 1202)]
    assert gaps(700, [(100, 600)], 200) == [(0, 700)]
    text = "a" * 400 + "b" * 100 + "c" * 400
    assert cut(text, [(400, 500)], 200, 200) == "a" * 200 + "\n\n" + "c" * 200
    assert cut(text, [(399, 500)], 200, 200) == "c" * 200  # 199 characters are too few
    assert pieces(text, [(399, 500)], 200) == ["a" * 199, "c" * 200]
    assert cut(text, [], 200, 200) == text
    assert cut("ab", [(0, 2)], 200, 200) == ""


def applied(texts: list[str], **settings: Any) -> tuple[list[str | None], list[str]]:
    """Reasons and texts after a chain of this filter alone."""
    _, lists = filter_of()
    chain = Chain(chain_steps([{"contamination": settings}]), lists)
    rows = [{"id": str(i), "url": "", "text": text} for i, text in enumerate(texts)]
    found = chain.apply(from_rows(rows))
    return found.verdict.reason.to_pylist(), found.documents["text"].to_pylist()


def test_actions() -> None:
    around = FILL * 6
    text = around + QUESTION + around
    typos = around + QUESTION.replace("farmer", "famrer").replace("market", "marcket") + around
    assert applied([around, text, typos]) == (
        [None, "contamination.ngram", "contamination.near"],
        [around, text, typos],
    )
    assert applied([text], action="measure") == ([None], [text])
    assert applied([text], max_ngrams=None, min_token_share=None, min_overlap=None)[0] == [None]
    reasons, texts = applied([around, text, typos, QUESTION], action="cut")
    assert reasons == [None, None, None, "contamination.left"]
    at = len(around)
    assert texts[0] == around
    assert texts[1] == text[: at - 200] + "\n\n" + text[at + len(QUESTION) - 1 + 200 :]
    assert QUESTION[:20] not in texts[2]
    assert applied([typos], action="cut", kinds=["ngram"])[1] == [typos]


def test_a_text_in_more_than_ten_pieces_goes() -> None:
    between = FILL * 7  # more than twice the margin
    texts = [between + (QUESTION + " " + between) * times for times in (9, 10)]
    assert applied(texts, action="cut")[0] == [None, "contamination.pieces"]
    assert applied(texts, action="cut", max_pieces=None)[0] == [None, None]


def test_the_cut_reaches_later_filters_and_an_edit_can_be_repeated() -> None:
    _, lists = filter_of()
    steps = chain_steps([{"contamination": {"action": "cut"}}, "gopher_quality"])
    text = FILL * 6 + QUESTION + FILL * 6
    table = from_rows([{"id": "1", "url": "", "text": text}])
    chain = Chain(steps, lists)
    found = chain.apply(table).documents
    assert found["gopher_quality_words"][0].as_py() < len(text.split()) - 50
    assert chain.edited(table).to_pylist() == found["text"].to_pylist()


def test_decisions_come_from_stored_columns() -> None:
    _, lists = filter_of()
    chain = Chain(chain_steps(["contamination"]), lists)
    rows = [{"id": str(i), "url": "", "text": text} for i, text in enumerate([FILL, QUESTION])]
    stored = chain.apply(from_rows(rows)).documents
    loose = Chain(
        chain_steps([{"contamination": {"max_ngrams": 9, "min_token_share": None, "min_overlap": None}}]),
        lists,
    )
    assert chain.decide(stored).keep.tolist() == [True, False]
    assert loose.decide(stored).keep.tolist() == [True, True]
    assert chain.fingerprint_settings(False) == loose.fingerprint_settings(False)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"against": "tests"}, "expected `against` to name `lists.NAME`, got 'tests'"),
        ({"against": []}, "expected `against` to name something"),
        ({"kinds": []}, "expected `kinds` to name something"),
        ({"kinds": ["ngrams"]}, "expected 'ngram' or 'tokens' or 'near', got 'ngrams'"),
        ({"n": 5}, "expected int >= 6, got 5"),
        ({"n": 7}, "expected `min_words` to be at most n = 7, got 8"),
        ({"action": "remove"}, "expected 'drop' or 'cut' or 'measure'"),
        ({"ngram": 13}, "no such setting"),
    ],
)
def test_wrong_settings_are_refused(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=r"filters\[0\].contamination") as error:
        chain_steps([{"contamination": settings}])
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_lists_that_do_not_fit_are_refused() -> None:
    lists = {"lists.a": Benchmarks((ITEM,)), "lists.b": Benchmarks((ITEM,)), "lists.c": object()}
    with pytest.raises(ValueError, match="against: two lists have a benchmark 'farm'"):
        SPEC.fits(Settings(against=("lists.a", "lists.b")), lists)
    with pytest.raises(ValueError, match=r"against: lists\.c is of another kind"):
        SPEC.fits(Settings(against="lists.c"), lists)
    SPEC.fits(Settings(against=("lists.a", "lists.a")), lists)


def test_stored_matches_are_plain_json() -> None:
    (row,) = columns([QUESTION], kinds=("ngram",))["matches"]
    assert json.loads(row) == [["farm", "7", "ngram", 0, len(QUESTION) - 1, 1, QUESTION[:-1]]]
    assert isinstance(SPEC.measure(Batch([FILL]), *filter_of())["contamination_near"], np.ndarray)
