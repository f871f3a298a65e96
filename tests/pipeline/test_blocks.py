"""The extractor `blocks`: the scan of a tree, what it counts, its trees, and the text that comes out."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.extraction.gold import MANUAL, gold_pages, score, tokens
from pipeline.extraction.blocks import (
    blocks,
    characters,
    columns,
    counts,
    features,
    names,
    render,
    scan,
    tables,
    trees,
)
from pipeline.extraction.blocks.model import (
    Model,
    chance,
    keep,
    lexicon,
    load,
    main_text,
    model_digest,
    save,
    shipped,
)
from pipeline.extraction.blocks.tree import serialised
from pipeline.extraction.wishes import Wishes

PAGE = """<!DOCTYPE html><html lang="en"><head><title>The ferry &amp; the town</title><style>p { }</style></head><body>
<nav class="main-nav topBar"><ul><li><a href="/">Home</a></li><li><a href="/news">News</a></li></ul></nav>
<article id="entryContent"><h1>The ferry &amp; the <em>town</em></h1>{paragraphs}
<h2>Times</h2><ul><li>In the morning<ul><li>at six</li><li>at nine</li></ul></li><li>In the evening</li></ul>
<p>First line<br>second line<br><br>after a gap</p>
<pre>
def ferry():

    return "noon"
</pre>
<table><tr><th>Day</th><th>Boats</th></tr><tr><td>Monday</td><td>4</td></tr></table>
<ol><li>Buy a ticket</li><li>Wait</li></ol><blockquote><p>It was a fine day.</p></blockquote></article>
<script>document.write("<p>not text</p>")</script><p style="display: none">unseen</p>
<footer class="footer"><a href="/c">Contact</a> &copy; 2024 All rights reserved</footer></body></html>"""
SENTENCE = (
    "<p>On day {} the ferry left at noon, crossed the bay in two hours, and came back before the evening.</p>"
)
HTML = PAGE.replace("{paragraphs}", "".join(SENTENCE.format(day) for day in range(8)))


def scanned(html: str) -> scan.Scan:
    return scan.scan(serialised(html))


def texts(page: scan.Scan) -> list[str]:
    data = page.text.tobytes()
    return [data[row[scan.START] : row[scan.END]].decode() for row in page.blocks]


def everything(html: str) -> str:
    page = scanned(html)
    return render.render(page, page.blocks[:, scan.IS_TITLE] == 0)


def test_blocks_are_the_lines_that_a_reader_sees() -> None:
    found = texts(scanned(HTML))
    assert found[:4] == ["The ferry & the town", "Home", "News", "The ferry & the town"]
    assert 'def ferry():\n\n    return "noon"' in found
    assert not any("not text" in text or "p { }" in text for text in found)
    assert [text for text in found if text in ("Day", "Boats", "Monday", "4")] == [
        "Day",
        "Boats",
        "Monday",
        "4",
    ]


def test_elements_enclose_their_blocks() -> None:
    page = scanned(HTML)
    every = texts(page)
    for element in range(1, len(page.elements)):
        row = page.elements[element]
        assert row[scan.PARENT] < element
        assert row[scan.LEVEL] == page.elements[row[scan.PARENT], scan.LEVEL] + 1
        assert 0 <= row[scan.FIRST_BLOCK] <= row[scan.END_BLOCK] <= len(every)
    article = next(row for row in page.elements if row[scan.TAG] == names.NUMBER["article"])
    inside = every[article[scan.FIRST_BLOCK] : article[scan.END_BLOCK]]
    assert inside[0] == "The ferry & the town"
    assert inside[-1] == "It was a fine day."
    words = page.words[article[scan.FIRST_WORD] : article[scan.END_WORD]].tolist()
    assert words == [names.name_hash("entry"), names.name_hash("content")]
    hidden = next(row for row, text in zip(page.blocks, every, strict=True) if text == "unseen")
    assert page.elements[hidden[scan.ELEMENT], scan.HIDDEN] == 1


def test_text_is_laid_out_as_a_reader_sees_it() -> None:
    text = everything(HTML)
    assert "- In the morning\n  - at six\n  - at nine\n- In the evening" in text
    assert "First line\nsecond line\n\nafter a gap" in text
    assert '\n\ndef ferry():\n\n    return "noon"\n\n' in text
    assert "Day | Boats\nMonday | 4" in text
    assert "1. Buy a ticket\n2. Wait\n\nIt was a fine day." in text


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>a&nbsp;&lt;b&gt; &amp;amp; &quot;c&quot;</p>", 'a <b> &amp; "c"'),
        ("<p>soft\u00adhyphen zero\u200bwidth</p>", "softhyphen zerowidth"),
        ("<p>one <span>two</span><b>three</b></p>", "one twothree"),
        ("<div>a<div>b</div>c</div>", "a\nb\nc"),
        ("<pre>\n  x\n\ty  \n</pre>", "  x\n\ty"),
        ("<pre>a<br>b<div>c</div></pre>", "a\nb\nc"),
        ("<p>a<!-- > <p>no</p> -->b</p>", "ab"),
        ("<textarea>no</textarea><select><option>no</select><p>yes", "yes"),
        ("<svg><text>no</text></svg>yes", "yes"),
        ("", ""),
        ("\0\0", ""),
        ("<" * 1000, "<" * 1000),
        ("<table><tr><td>lone</td></tr></table>", "lone"),
        ("<p>日本語の文。</p><p>Ünïcödé 😀</p>", "日本語の文。\n\nÜnïcödé 😀"),
    ],
)
def test_texts_of_small_pages(html: str, text: str) -> None:
    assert everything(html) == text


def test_depth_and_size_cost_time_in_proportion() -> None:
    assert everything("<b>" * 3000 + "deep" + "</b>" * 3000) == "deep"
    page = scanned("<div " + " ".join(f"a{number}='1'" for number in range(2000)) + ">text</div>")
    assert texts(page) == ["text"]


def test_scan_takes_any_bytes() -> None:
    draw = np.random.default_rng(7)
    pieces = [
        b"<p>",
        b"</p>",
        b'<a class="x">',
        b"</a>",
        b"<pre>",
        b"&",
        b"&amp",
        b"<!--",
        b"-->",
        b"\xff",
        b"<",
        b">",
    ]
    pieces += [
        b"<script>",
        b"</",
        b"text ",
        b"<br>",
        b"<li>",
        b"<svg>",
        b'"',
        b"=",
        b"<td>",
        b"<title>",
        b"\n",
    ]
    for _ in range(300):
        data = b"".join(pieces[at] for at in draw.integers(0, len(pieces), 60))
        page = scan.scan(data)
        assert (page.blocks[:, scan.START] <= page.blocks[:, scan.END]).all()
        assert len(page.text) <= 2 * len(data)
        render.render(page, np.ones(len(page.blocks), np.bool_))


def test_hashes_and_tables() -> None:
    assert names.name_hash("a") == 0xAF63DC4C8601EC8C  # FNV-1a, 64 bits: the published test vector
    keys, positions = names.hash_table([names.name_hash(word) for word in ("a", "b", "c")])
    found = [scan.find(np.uint64(names.name_hash(word)), keys, positions) for word in ("a", "b", "c", "d")]
    assert found == [0, 1, 2, -1]
    assert set(names.kinds_table()[2].tolist()) >= {1, 1 << (len(names.KINDS) - 1)}
    assert names.element_table()[2].shape[1] == 2


def test_counts_of_a_block() -> None:
    page = scanned("<title>Big news</title><p>Big News: 4 boats, in 2024! Æ 日本</p><p>big news</p>")
    counted = counts.count(page.text, page.blocks)
    row = counted.counts[1]
    assert row[counts.WORDS] == 7  # Big News boats in Æ 日 本
    assert (row[characters.DIGIT], row[characters.IDEOGRAPH], row[characters.COMMA]) == (5, 2, 1)
    assert (row[counts.YEARS], row[counts.CAPITAL_WORDS], row[counts.LONGEST]) == (1, 3, 5)
    assert (row[counts.FIRST], row[counts.LAST]) == (characters.CAPITAL, characters.IDEOGRAPH)
    weighed = counts.weigh(counted, page.blocks, lexicon([names.name_hash("boats")], [2.5]))
    assert weighed[1, counts.SUM] == 2.5
    assert weighed[1, counts.FROM_TITLE] == weighed[1, counts.TITLE_COVERED] == 2
    assert counts.groups(counted.letters).tolist() == [0, 1, 0]
    assert (
        counts.code_point("é€😀".encode() and np.frombuffer(bytearray("é".encode()), np.uint8), 0)
        == 0xE9 << 3 | 2
    )
    assert characters.tables()[1][ord("Æ")] == ord("æ")


def test_columns_see_links_headings_and_containers() -> None:
    page = scanned(HTML)
    nothing = lexicon([], [])
    counted = counts.count(page.text, page.blocks)
    rows = features.measure(page, counted, nothing, nothing, comments=True)
    assert rows.dtype == np.float32
    found = dict(zip(columns.NAMES, rows.T, strict=True))
    home, sentence = (
        texts(page).index("Home"),
        next(i for i, t in enumerate(texts(page)) if t.startswith("On day 3")),
    )
    assert found["linked"][home] == 1.0
    assert found["linked"][sentence] == 0.0
    assert (found["in_nav"][home], found["in_article"][sentence]) == (1, 1)
    assert found["in_navigation_kind"][home] == 1
    assert found["heading"][3] == 1
    assert found["main_80%"][sentence] == 1
    assert found["main_80%"][home] == 0
    assert found["alike_blocks"][sentence] > found["alike_blocks"][3]
    assert (found["wants_comments"] == 1).all()
    assert (found["wants_title"] == 1).all()
    plain = features.measure(page, counted, nothing, nothing, comments=False, title=False)
    assert (plain[:, columns.AT.wants_comments :] == 0).all()
    assert (plain[:, : columns.AT.wants_comments] == rows[:, : columns.AT.wants_comments]).all()
    assert found["linked+1"][home - 1] == 1.0
    assert found["linked-1"][0] == found["linked+2"][-1] == -1


def test_trees_go_left_at_most_the_threshold() -> None:
    # x0 <= 1 ? -1 : (x1 <= 0 ? 2 : 3), and one that is a leaf alone
    made = trees.Trees(
        np.array([0, -4], np.int32),
        np.array([0, 1], np.int16),
        np.array([1.0, 0.0], np.float32),
        np.array([[-1, 1], [-2, -3]], np.int32),
        np.array([-1.0, 2.0, 3.0, 0.5], np.float32),
    )
    rows = np.array([[1, 9], [1.5, 0], [2, 1]], np.float32)
    expected = 1 / (1 + np.exp(-np.array([-0.5, 2.5, 3.5])))
    assert np.allclose(trees.probability(made, rows), expected)


def test_cells_of_a_data_table_share_a_probability() -> None:
    page = scanned(
        "<table><tr><td>a</td><td>bbb</td></tr></table><table><tr><td>x<p>y</td><td>z</td></tr></table>"
    )
    assert tables.data_cells(page).tolist() == [True, True, False, False, False]
    shared = tables.share(page, np.array([0.2, 0.6, 0.1, 0.2, 0.3]))
    assert shared.tolist() == pytest.approx([0.5, 0.5, 0.1, 0.2, 0.3])


def test_model_comes_back_as_it_was_saved() -> None:
    model = shipped()
    hashes = (np.arange(1, 3, dtype=np.uint64), np.arange(1, 2, dtype=np.uint64))
    small = Model(
        model.trees,
        lexicon(hashes[0], np.array([0.5, -0.5])),
        lexicon(hashes[1], np.array([1.0])),
        {"balanced": 0.4},
    )
    file = io.BytesIO()
    save(small, file, hashes)
    file.seek(0)
    again = load(file)
    assert again.thresholds == small.thresholds
    for one, other in zip(
        (*again.trees, *again.words, *again.classes),
        (*small.trees, *small.words, *small.classes),
        strict=True,
    ):
        assert np.array_equal(one, other)
    assert len(model_digest()) == 64


def test_a_displayed_formula_goes_with_the_text_beside_it() -> None:
    lines = ["a", "$$x$$", "\\[y\\]", "b", "$$z$$", "c", "$5", "$$$$", "d", "$$w$$"]
    page = scan.scan("".join(f"<p>{line}</p>" for line in lines).encode())

    def kept_beside(*sure: str) -> list[str]:
        found = keep(page, np.array([1.0 if line in sure else 0.0 for line in lines]), 0.5)
        return [line for line, kept in zip(lines, found, strict=True) if kept]

    assert kept_beside("a", "d") == ["a", "$$x$$", "\\[y\\]", "d", "$$w$$"]
    assert kept_beside("b", "c") == ["$$x$$", "\\[y\\]", "b", "$$z$$", "c"]
    assert not kept_beside()
    in_code = scan.scan(b"<p>a</p><pre>$$x$$</pre>")
    assert keep(in_code, np.array([1.0, 0.0]), 0.5).tolist() == [True, False]


def test_preformatted_text_and_titles_are_judged_apart() -> None:
    page = scan.scan(b"<title>t</title><p>a</p><pre>b</pre><pre>c</pre><p>d</p>")
    assert keep(page, np.array([1.0, 0.5, 0.16, 0.14, 0.49]), 0.5).tolist() == [
        False,
        True,
        True,
        False,
        False,
    ]


def test_main_text_of_a_page() -> None:
    text = blocks(HTML, "", Wishes("balanced"))
    assert text.count("came back before the evening") == 8
    assert 'return "noon"' in text
    for other in ("Home", "rights reserved", "unseen", "not text"):
        assert other not in text
    assert blocks(HTML, "", Wishes("balanced")) == text


def test_favor_moves_the_threshold() -> None:
    page, model = scanned(HTML), shipped()
    assert model.thresholds["recall"] <= model.thresholds["balanced"] <= model.thresholds["precision"]
    kept = [
        main_text(page, model, favor, comments=False).sum() for favor in ("precision", "balanced", "recall")
    ]
    assert kept == sorted(kept)
    chances = chance(page, model, comments=False)
    assert ((chances > 0) & (chances < 1)).all()


def test_pages_with_gold_text(data_dir: Path) -> None:
    """The shipped model has learned from these pages: this tells whether scan, columns and model belong together."""
    from collections import Counter

    pages = [page for page in gold_pages(data_dir) if page.kind == MANUAL][::15]
    scores = [
        score(blocks(page.html, page.url, Wishes("balanced")), Counter(tokens(page.text)))[0]
        for page in pages
    ]
    assert len(scores) == 151
    assert np.mean(scores) > 0.92


def test_extractor_by_option(tmp_path: Path) -> None:
    import subprocess
    import sys

    sample = tmp_path / "sample.warc.gz"
    run: Any = [sys.executable, "-m", "pipeline"]
    subprocess.run([*run, "sample", str(sample), "--pages", "200"], check=True, capture_output=True)
    command = [
        *run,
        "extract",
        "--input",
        str(sample),
        "--out",
        str(tmp_path / "out"),
        "--extractor",
        "blocks",
        "--quiet",
    ]
    subprocess.run(command, check=True, capture_output=True)
    manifest = json.loads((tmp_path / "out/ledger/extract/manifest.json").read_text())
    assert manifest["settings"]["model"] == model_digest()
    wrong = subprocess.run([*command[:-2], "block", "--quiet"], capture_output=True, text=True)
    assert wrong.returncode == 2
    assert "blocks" in wrong.stderr
