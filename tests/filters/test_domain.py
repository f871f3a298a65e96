from __future__ import annotations

import gzip
import json
import time
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pytest

from filters.domain import DOMAINS, GENERAL, label
from filters.domain_words import ADDRESSES, WORDS


def one(text: str, url: str = "http://x.org/") -> str:
    found: str = label(pa.table({"text": [text], "url": [url]}))[0].as_py()
    return found


@pytest.mark.parametrize(
    ("text", "domain"),
    [
        (
            "The function returns an array; install the package with the command and import the module.",
            "software",
        ),
        (
            "The defendant filed a motion; the court denied the appeal and the judge ruled on the statute.",
            "law",
        ),
        (
            "The patient was diagnosed with diabetes; symptoms and treatment were discussed with the doctor.",
            "health",
        ),
        ("We walked along the beach for a while and then it rained, so that all went home early.", GENERAL),
        ("", GENERAL),
        ("Код и данные", GENERAL),
    ],
)
def test_labels(text: str, domain: str) -> None:
    assert one(text) == domain


@pytest.mark.parametrize(
    "joined",
    [
        "“court” “judge” “appeal” “plaintiff”",
        "court’s judge’s appeal’s plaintiff’s",
        "court—judge—appeal—plaintiff",
        "court\u00a0judge\u00a0appeal\u00a0plaintiff",
        "court…judge•appeal«plaintiff»",
        "court's judge-appeal/plaintiff",
    ],
)
def test_words_end_at_anything_that_is_no_letter(joined: str) -> None:
    assert one("word " * 90 + joined) == "law"


def test_a_letter_with_an_accent_is_a_letter() -> None:
    assert one("word " * 90 + "courté éjudge appealñ ßplaintiff") == GENERAL


def test_one_repeated_word_proves_nothing() -> None:
    assert one("court " * 500) == GENERAL
    assert one("court judge appeal plaintiff " * 50) == "law"


def test_the_address_counts() -> None:
    text = "Nothing to see here but a court and some words of no importance at all."
    assert one(text, "http://www.example.org/") == GENERAL
    assert one(text, "https://news.law.com/legal/page.html") == "law"


def test_nulls_and_empty_tables() -> None:
    schema = pa.schema([("text", pa.large_string()), ("url", pa.string())])
    assert label(schema.empty_table()).to_pylist() == []
    assert label(pa.table({"text": [None], "url": [None]}, schema=schema)).to_pylist() == [GENERAL]


def test_the_table_is_well_formed() -> None:
    assert (*WORDS, GENERAL) == DOMAINS
    assert set(ADDRESSES) == set(WORDS)
    for listed in WORDS.values():
        words = listed.split()
        assert len(words) == len(set(words)) >= 40
        assert all(word.isalpha() and word == word.lower() for word in words)
    for listed in ADDRESSES.values():
        assert len(listed.split()) == len(set(listed.split()))


def test_labels_agree_with_a_published_classifier_where_it_names_the_same_domain(data_dir: Path) -> None:
    topics = {
        "Software Dev.": "software",
        "Health": "health",
        "Crime & Law": "law",
        "Entertainment": "entertainment",
        "Finance & Business": "commerce",
        "Politics": "news",
    }
    with gzip.open(data_dir / "text" / "web_topics.jsonl.gz", "rt") as file:
        rows = [row for row in map(json.loads, file) if row["topic"] in topics]
    found = label(pa.table({"text": [row["text"] for row in rows], "url": [row["url"] for row in rows]}))
    for topic, domain in topics.items():
        labels = Counter(
            got for got, row in zip(found.to_pylist(), rows, strict=True) if row["topic"] == topic
        )
        del labels[GENERAL]
        assert labels.most_common(1)[0][0] == domain, (topic, labels)


def test_long_text_is_labelled_fast() -> None:
    text = " ".join(f"word{i} court" for i in range(100_000))
    begin = time.process_time()
    one(text)
    assert time.process_time() - begin < 1
