"""Dirty characters: mojibake of many languages is found, the clean text is not; every other kind by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from filters import dirty
from filters.batch import Batch
from filters.decide import fails
from filters.dirty import Settings
from tests.growth import assert_linear

CLEAN = {
    "fr": "Le café où l’été s’achève déjà, c’était « naïf » – à côté de l’hôtel. ÇA ALORS, UN DÉFILÉ… très chère »",
    "de": "Die Straße über die Brücke ist „schön“, sagt Jörg. ÄRGER MENÜ” GRÖẞE Ä“",
    "es": "El niño pequeño pidió otra canción: ¿quién está ahí? ¡Qué año! ESPAÑA, CAFÉ®",
    "pt": "A manhã é de São João; não há corações. AMANHÃ” IRMÃ… ALEMÃ» NÃO É À TOA…",
    "pl": "Zażółć gęślą jaźń, łódź i świeży chleb. ŁÓDŹ",
    "cs": "Příliš žluťoučký kůň úpěl ďábelské ódy.",
    "tr": "Şiir ağacı İstanbul’da güneş ışığı.",
    "sv": "Två små öar på Åland, Å… och Ä”. 10 Ø × ½",
    "ru": "Привет, мир! Съешь ещё этих мягких французских булок. Рёбра, Сёмга",
    "uk": "Привіт, світе! Сімнадцять їжаків. Рівне, Сі",
    "el": "Καλημέρα κόσμε, τι κάνεις σήμερα;",
    "he": "שלום עולם, מה שלומך היום",
    "ar": "مرحبا بالعالم كيف حالك اليوم",
    "zh": "这是一个测试，今天天气很好。",
    "ja": "これはテストです。今日は天気がいい。",
    "emoji": "Nice 😀 work 🎉, fine ❤",
}


def measured(*texts: str) -> list[dict[str, float]]:
    columns = dirty.measure(Batch(texts), Settings(), {})
    assert list(columns) == [signal.column for signal in dirty.signals(Settings())]
    assert all(np.isfinite(column).all() for column in columns.values())
    return [
        {name.removeprefix("dirty_"): column[i] for name, column in columns.items()}
        for i in range(len(texts))
    ]


def windows(text: str, times: int = 1) -> str:
    """UTF-8 read as Windows-1252; bytes without a character become controls, as browsers do it."""
    for _ in range(times):
        text = "".join(
            bytes([byte]).decode("cp1252") if byte not in (0x81, 0x8D, 0x8F, 0x90, 0x9D) else chr(byte)
            for byte in text.encode("utf-8")
        )
    return text


@pytest.mark.parametrize("language", CLEAN)
def test_clean_text_is_clean(language: str) -> None:
    row = measured(CLEAN[language])[0]
    assert row["mojibake"] == row["share"] == 0


@pytest.mark.parametrize("language", CLEAN)
@pytest.mark.parametrize("times", [1, 2])
def test_mojibake_is_found(language: str, times: int) -> None:
    text = windows(CLEAN[language], times)
    wrong = sum(ord(character) > 127 for character in text)
    row = measured(text)[0]
    assert row["mojibake"] * len(text) >= 0.8 * wrong  # all but letters of rare scripts and single ones


@pytest.mark.parametrize("language", ["fr", "ru"])
def test_latin_1(language: str) -> None:
    text = CLEAN[language].encode("utf-8").decode("latin-1")
    assert measured(text)[0]["mojibake"] * len(text) >= 0.8 * sum(ord(character) > 127 for character in text)


# text: characters of mojibake
MOJIBAKE = [
    ("cafÃ©", 2),
    ("itâ€™s", 3),
    ("theyâ€ said", 2),  # the last byte was lost
    ("ï»¿text", 3),
    ("Â©2005", 2),
    ("price Â£5", 2),
    ("itâ\x80\x99s", 3),
    ("MANHÃ”", 0),  # a capital letter and a quotation mark
    ("MANHÃ” cafÃ©", 4),  # with plain cases in the text it counts
    ("ðŸ˜€", 4),
    ("ÃƒÂ©", 4),  # twice
    ("Ïðèâåò", 6),  # Windows-1251 read as Latin-1
    ("nööööööö", 0),
    ("РџСЂРё", 6),  # UTF-8 read as Windows-1251
    ("РџСЂ", 0),  # too short to tell
    ("×½ Ð¿", 0),  # single letters of such scripts
    ("Ð¿Ð¾", 4),
    ("É®", 0),
]


@pytest.mark.parametrize(("text", "characters"), MOJIBAKE)
def test_mojibake_by_hand(text: str, characters: int) -> None:
    assert measured(text)[0]["mojibake"] * len(text) == pytest.approx(characters)


# text: column, value
KINDS: list[tuple[str, str, float]] = [
    ("ab\ufffd\ufffd", "replacement", 2 / 4),
    ("a\x00\x08\x85\x7f\t\n\r\x0c", "control", 4 / 9),
    ("a\ud800\ufdd0\uffff\U0001fffe", "control", 4 / 5),
    ("a\ue000\U000f0000\U00100000", "private_use", 3 / 4),
    ("a\u200b\xad\ufeff\u202e\u200d\u200c\u200e", "invisible", 4 / 8),
    ("a &nbsp; &#39; &#x2019; &frac12; b", "entities", (6 + 5 + 8 + 8) / 34),
    ("AT&T; R&D a & b; &verylongname;", "entities", 0),
    ('<div class="a">b</div> <br/>', "tags", (15 + 6 + 5) / 28),
    ("a < b and c > d <name> <3", "tags", 0),
    ("<span b", "tags", 5 / 7),  # never closed
    ("%D0%BF%D1 100%", "percent", 9 / 14),
    ("%D0%BF 5%25", "percent", 0),
    ("a ===== b ====", "symbol_runs", 5 / 14),
    ("abc a1 12 x-9", "mixed_words", 2 / 4),
    ("ab abcde a", "longest_word", 5),
]


@pytest.mark.parametrize(("text", "column", "value"), KINDS)
def test_kinds_by_hand(text: str, column: str, value: float) -> None:
    assert measured(text)[0][column] == pytest.approx(value, abs=1e-12)


def test_the_share_sums_damage_and_not_markup() -> None:
    text = "cafÃ© \ufffd\x01\ue000 %D0%BF%D1 &nbsp; <br> \u200b ====="
    assert measured(text)[0]["share"] == pytest.approx((2 + 3 + 9) / len(text))


def test_both_sides_of_the_threshold() -> None:
    rule = dirty.rules(Settings())[0]
    for text, fail in (("\ufffd" + "a" * 99, False), ("\ufffd" + "a" * 98, True)):
        assert fails(np.array([measured(text)[0]["share"]]), rule)[0] == fail
    assert all(other.threshold is None for other in dirty.rules(Settings())[1:])


def test_ordinary_pages_pass(data_dir: Any) -> None:
    import gzip
    import json

    with gzip.open(data_dir / "web" / "gold.jsonl.gz", "rt", encoding="utf-8") as file:
        texts = [text for line in file if (text := json.loads(line).get("text"))]
    shares = np.array([row["share"] for row in measured(*texts)])
    assert len(shares) > 2000
    assert np.mean(shares > 0.01) < 0.002


def test_same_in_any_batch() -> None:
    texts = [text for text, _, _ in KINDS] + [text for text, _ in MOJIBAKE]
    assert measured(*texts) == [measured(text)[0] for text in texts]


@pytest.mark.parametrize("unit", ["Ã", "Ð¿", "Р’", "<div ", "&#", "%", "ö", "\ufffd", "Ïðèâ"])
def test_linear(unit: str) -> None:
    assert_linear(lambda size: measured(unit * size), 10_000)
