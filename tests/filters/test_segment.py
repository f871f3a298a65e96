from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filters.batch import Batch
from filters.text import layout
from filters.text.segment import icu_words, sentence_counts, unicode_words, word_parts
from filters.text.words import ALPHABETIC, PUNCTUATION, SENTENCE_MARK, SYMBOL_ONLY
from tests.growth import assert_linear

# As a reader of the language splits them; compounds that dictionaries list stay whole.
GOLDEN = {
    "zh": "我们|在|北京|大学|学习|自然|语言|处理|技术|，|2024|年|取得|了|很好|的|成绩|。",
    "ja": "私|は|昨日|、|東京|大学|で|日本語|の|勉強|を|しま|した|。|コンピューター|を|使い|ます|。",
    "th": "ผม|ชอบ|กิน|ข้าว|ผัด|กับ|ไก่|บ้าน",
    "lo": "ຂ້ອຍ|ມັກ|ກັບ|ປີ້ງ|ໄກ່",
    "km": "ខ្ញុំ|ចូលចិត្ត|ភាសាខ្មែរ|។",
    "my": "ကျွန်တော်|သည်| |မြန်မာ|စာ|ကို| |လေ့လာ|နေ|ပါသည်|။",
    "ko": "나는| |2015|년에| |SK|그룹| |학교에| |갑니다|.",
    "mixed": "我|用|iPhone15|和|GPT|-|4|看|YouTube| |视频|3,000.5|元",
    "latin": "Don't| |say| |e.g|.| |snake_case| |or| |3.14|,| |l’été|!|?",
    "beyond the first plane": "𠮷|野家|は|中国|、|🇫🇷|👨‍👩‍👧",
}


def words_of(text: str) -> list[str]:
    words = unicode_words(Batch([text]))
    return [words.texts[i] for i in words.ids]


@pytest.mark.parametrize("name", GOLDEN)
def test_golden_sentences(name: str) -> None:
    wanted = GOLDEN[name].split("|")
    assert words_of("".join(wanted)) == [word for word in wanted if not word.isspace()]


def test_texts_of_a_batch_do_not_touch() -> None:
    texts = ["中", "国", "", "a", "b 大学", " ", "ก็ดี"]
    words = unicode_words(Batch(texts))
    assert words.counts().tolist() == [1, 1, 0, 1, 2, 0, 1]
    for row, text in enumerate(texts):
        ids = words.ids[words.offsets[row] : words.offsets[row + 1]]
        assert [words.texts[i] for i in ids] == words_of(text)


def test_flags_and_lengths() -> None:
    words = unicode_words(Batch(["Ab 12 。 - # ก็ 中国 ។ ، €"]))
    found = {words.texts[i]: (int(words.flags[i]), int(words.lengths[i])) for i in words.ids}
    assert found["Ab"] == (ALPHABETIC, 2)
    assert found["12"] == (0, 2)
    assert found["。"] == (SYMBOL_ONLY | SENTENCE_MARK | PUNCTUATION, 1)
    assert found["-"] == (SYMBOL_ONLY | PUNCTUATION, 1)
    assert found["ก็"] == (ALPHABETIC, 2)
    assert found["中国"] == (ALPHABETIC, 2)
    assert found["،"] == (PUNCTUATION, 1)
    assert found["€"] == (0, 1)


def test_words_are_icus_on_the_declaration_in_all_languages(data_dir: Path) -> None:
    with gzip.open(data_dir / "language" / "udhr.jsonl.gz", "rt") as file:
        texts = ["\n".join(json.loads(line)["paragraphs"])[:2500] for line in file]
    texts = [text for text in texts if max(text) <= "\uffff"]
    codes, bounds = layout.code_points(texts)
    parts = word_parts(codes, bounds)
    agreeing = total = 0
    for row, text in enumerate(texts):
        at = slice(parts.offsets[row], parts.offsets[row + 1])
        ours = set(zip(parts.starts[at] - bounds[row], parts.ends[at] - bounds[row], strict=True))
        theirs = [(a, b) for a, b in icu_words(text) if not text[a:b].isspace()]
        total += len(theirs)
        agreeing += sum(span in ours for span in theirs)
    assert total > 150_000
    assert agreeing / total > 0.9995


def test_words_of_articles_are_as_long_as_the_language_has_them(data_dir: Path) -> None:
    """Characters a word, with room around what dictionaries and published corpora show."""
    usual = {
        "chinese": (1.3, 2),
        "japanese": (1.3, 2.3),
        "thai": (2.8, 4.5),
        "burmese": (3, 5),
        "korean": (2.2, 4),
    }
    for name, (least, most) in usual.items():
        text = (data_dir / "language" / "articles" / f"{name}_article.txt").read_text()
        words = unicode_words(Batch([text]))
        lengths = words.lengths[words.ids][words.flags[words.ids] & ALPHABETIC != 0]
        assert least < lengths.mean() < most, name
        assert lengths.max() < 20, name


@given(st.text(alphabet=st.characters(codec=None), max_size=60))
def test_parts_cover_everything_but_white_space(text: str) -> None:
    codes, bounds = layout.code_points([text])
    parts = word_parts(codes, bounds)
    covered = set[int]()
    for start, end in zip(parts.starts.tolist(), parts.ends.tolist(), strict=True):
        assert start < end
        assert covered.isdisjoint(range(start, end))
        covered.update(range(start, end))
    assert all(i in covered or text[i].isspace() for i in range(len(text)))


@pytest.mark.parametrize("unit", ["กา", "中", "あ", "a:", "1,", "\u0301", "🇫", "a\u200d", "👨\u200d", "က"])
def test_cost_of_words_is_linear(unit: str) -> None:
    assert_linear(lambda size: word_parts(*layout.code_points([unit * size])), 20_000)


SENTENCES = {
    "Mr. X met the U.S. army. It cost 3.5 dollars... and more. www.x.com is it!": [
        "Mr.",
        "X met the U.S. army.",
        "It cost 3.5 dollars... and more. www.x.com is it!",
    ],
    "(He left.) “Who?” she said.\nA title\n\nEnd": ["(He left.)", "“Who?”", "she said.", "A title", "End"],
    "我来了。你呢？好！他说：是。": ["我来了。", "你呢？", "好！", "他说：是。"],
    "ผมไปตลาด แล้วกลับบ้าน บ่อยๆ ครับ": ["ผมไปตลาด", "แล้วกลับบ้าน", "บ่อยๆ ครับ"],
    "यह है। वह था॥": ["यह है।", "वह था॥"],
    "ད་ལྟ། ཡིན།": ["ད་ལྟ།", "ཡིན།"],
    "هل أنت؟ نعم. ہاں۔": ["هل أنت؟", "نعم.", "ہاں۔"],
    "ខ្ញុំ។ អ្នក។": ["ខ្ញុំ។", "អ្នក។"],
    "*** --- \n ...": [],
    "": [],
}


@pytest.mark.parametrize("text", SENTENCES)
def test_golden_sentence_ends(text: str) -> None:
    from filters.text.sentence_breaks import sentence_parts

    codes, bounds = layout.code_points([text])
    parts = sentence_parts(codes, bounds)
    found: list[Any] = [text[a:b] for a, b in zip(parts.starts, parts.ends, strict=True)]
    assert found == SENTENCES[text]
    assert sentence_counts(Batch(["x", text, "x"])).tolist() == [1, len(found), 1]


@pytest.mark.parametrize("unit", [".", ". ", "a.", "ก ", "\u0301.", "。」", ", ."])
def test_cost_of_sentences_is_linear(unit: str) -> None:
    assert_linear(lambda size: sentence_counts(Batch([unit * size])), 50_000)


def test_gophers_rules_can_count_chinese_words(data_dir: Path) -> None:
    from filters.chain import Chain, asset_names, chain_steps
    from filters.document import from_rows
    from pipeline import assets

    with gzip.open(data_dir / "language" / "udhr.jsonl.gz", "rt") as file:
        rows = [row for row in map(json.loads, file) if row["iso639_3"] == "cmn"]
    documents = from_rows(
        [{"id": row["key"], "url": "", "text": "\n".join(row["paragraphs"])} for row in rows]
    )
    own = {"min_word_length": 1, "max_word_length": 5, "min_alphabetic_words": 0.735, "min_stop_words": None}
    kept = []
    for words in ("unicode", "english"):
        steps = chain_steps([{"gopher_quality": {**own, "words": words}}])
        chain = Chain(steps, {name: assets.load(name) for name in asset_names(steps)})
        kept.append(chain.apply(documents).verdict.keep.tolist())
    assert kept == [[True] * len(rows), [False] * len(rows)]
