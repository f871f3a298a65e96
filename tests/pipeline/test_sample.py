"""The embedded sample: the same bytes each time, every planted case in it, and a score that can be trusted."""

from __future__ import annotations

import html
import io
import json
import os
import re
import subprocess
import sys
import sysconfig
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from warcio.archiveiterator import ArchiveIterator

from pipeline.sample import MIN_PAGES, CaseScore, Summary, score, truth_path, write_sample
from pipeline.sample.article import articles, words
from pipeline.sample.docstrings import (
    DISTRIBUTIONS,
    STDLIB,
    Passage,
    distribution_files,
    docstrings,
    passages,
)
from pipeline.sample.junk import ATTRIBUTES, MODULES, code_listings
from pipeline.sample.planted import near_duplicates
from pipeline.sample.prose import MIN_CHARS, Novelty, is_prose, paragraphs
from pipeline.sample.site import LOOKS, site
from pipeline.sample.templates import TEMPLATES

PAGES = 150
CASES = {
    "plain", "exact_duplicate", "near_duplicate", "mirror", "email", "phone", "ip_address", "charset", "encoding",
    "broken_markup", "language", "licence", "keyword_spam", "link_farm", "nearly_empty", "code_listing", "hostile",
    "not_ok", "not_html",
}  # fmt: skip
SENTENCES = (
    "The solver keeps the last state that was accepted. "
    "It is returned to the caller when no further step succeeds. "
)


class Written(NamedTuple):
    summary: Summary
    truth: list[dict[str, Any]]
    types: Counter[str]
    bodies: dict[str, bytes]  # decoded, by address
    status: dict[str, str]
    raw: bytes  # the WARC without its compression


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Written:
    summary = write_sample(tmp_path_factory.mktemp("sample") / "sample.warc.gz", PAGES)
    types: Counter[str] = Counter()
    bodies, status = {}, {}
    raw = io.BytesIO()
    with summary.warc.open("rb") as stream:
        for record in ArchiveIterator(stream, check_digests="raise"):
            types[record.rec_type] += 1
            raw.write(record.rec_headers.to_bytes())
            if record.rec_type == "response":
                url = record.rec_headers.get_header("WARC-Target-URI")
                status[url] = record.http_headers.get_statuscode()
                bodies[url] = record.content_stream().read()
                raw.write(bodies[url])
            else:
                raw.write(record.raw_stream.read())
    truth = [json.loads(line) for line in summary.truth.read_text("utf-8").splitlines()]
    return Written(summary, truth, types, bodies, status, raw.getvalue())


def by_case(written: Written, case: str) -> list[dict[str, Any]]:
    return [line for line in written.truth if line["case"] == case]


def test_truth_lines_match_the_responses_in_order(written: Written) -> None:
    assert [line["url"] for line in written.truth] == list(written.bodies)
    assert len(written.truth) == written.summary.pages == PAGES
    assert written.types == {"warcinfo": 1, "request": PAGES, "response": PAGES, "metadata": PAGES}
    assert written.summary.truth == truth_path(written.summary.warc)
    assert written.summary.truth.name == "sample.warc.gz.truth.jsonl"
    assert written.summary.missing == ()


def test_every_case_is_planted(written: Written) -> None:
    assert set(written.summary.cases) == CASES
    assert Counter(line["case"] for line in written.truth) == written.summary.cases
    assert written.summary.cases["plain"] > PAGES / 2


def test_the_smallest_sample_has_every_case_and_less_is_refused(tmp_path: Path) -> None:
    assert set(write_sample(tmp_path / "small.warc.gz", MIN_PAGES).cases) == CASES
    with pytest.raises(ValueError, match="at least"):
        write_sample(tmp_path / "none.warc.gz", MIN_PAGES - 1)
    assert not (tmp_path / "none.warc.gz").exists()


def test_same_bytes_in_another_process_with_another_hash_seed(written: Written, tmp_path: Path) -> None:
    code = "import pathlib, sys, pipeline.sample as s; s.write_sample(pathlib.Path(sys.argv[1]), int(sys.argv[2]))"
    out = tmp_path / "another-name.warc.gz"
    root = Path(__file__).parents[2]
    env = os.environ | {"PYTHONHASHSEED": "4242", "PYTHONPATH": str(root), "TZ": "Asia/Tokyo"}
    subprocess.run([sys.executable, "-c", code, str(out), str(PAGES)], check=True, env=env, cwd=tmp_path)
    assert out.read_bytes() == written.summary.warc.read_bytes()
    assert truth_path(out).read_bytes() == written.summary.truth.read_bytes()


def test_same_bytes_twice_in_one_process(tmp_path: Path) -> None:
    first, second = tmp_path / "first.warc.gz", tmp_path / "second.warc.gz"
    write_sample(first, MIN_PAGES)
    write_sample(second, MIN_PAGES)
    assert first.read_bytes() == second.read_bytes()
    assert truth_path(first).read_bytes() == truth_path(second).read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        [first.name, second.name, truth_path(first).name, truth_path(second).name]
    )


def test_no_path_of_the_installation_is_in_the_bytes(written: Written) -> None:
    places = {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    for place in (*places, str(Path(__file__).parents[2])):
        assert place.encode() not in written.raw
    assert not re.search(rb"0x[0-9a-f]{6,}", written.raw)


def test_rendered_modules_name_no_place_in_files_and_no_address() -> None:
    pages = code_listings(MODULES)
    assert [page.url for page in pages] == [f"https://pydoc.example/{module}.html" for module in MODULES]
    for page in pages:
        assert b'href="file:' not in page.body, page.url
        assert not re.search(rb"0x[0-9a-f]{6,}", page.body), page.url


def test_each_paragraph_is_used_once(written: Written) -> None:
    seen: Counter[str] = Counter()
    for line in by_case(written, "plain"):
        text = written.bodies[line["url"]].decode()
        found = [html.unescape(part) for part in re.findall(r"<p>([^<]+?)\s*(?=<)", text)]
        prose = [part for part in found if len(part) >= MIN_CHARS and part not in line["boilerplate"]]
        assert 5 <= len(prose) <= 7, line["url"]
        seen.update(re.sub(r"\W+", " ", part.lower()) for part in prose)
    assert len(seen) >= 5 * written.summary.cases["plain"]
    assert set(seen.values()) == {1}


def test_every_page_made_of_an_article_has_its_frame(written: Written) -> None:
    for line in by_case(written, "plain"):
        text = html.unescape(written.bodies[line["url"]].decode())
        assert all(part in text for part in line["boilerplate"]), line["url"]
    assert len(TEMPLATES) == LOOKS
    assert {site(f"{name}.example").look for name in DISTRIBUTIONS} == set(range(LOOKS))


def test_copies_are_copies(written: Written) -> None:
    for case, hosts in (("exact_duplicate", None), ("mirror", 2), ("near_duplicate", 1)):
        groups: dict[str, list[str]] = {}
        for line in by_case(written, case):
            groups.setdefault(line["expect"]["group"], []).append(line["url"])
        for urls in groups.values():
            assert len(urls) >= 2
            if hosts is None:
                assert len({written.bodies[url] for url in urls}) == 1
            else:
                assert len({written.bodies[url] for url in urls}) == len(urls)
                assert len({url.split("/")[2] for url in urls}) == hosts


def test_near_duplicates_share_nine_tenths_of_their_shingles() -> None:
    def shingles(body: bytes) -> set[tuple[str, ...]]:
        text = " ".join(re.findall(r"<p>([^<]{80,})", body.decode()))
        tokens = re.findall(r"\w+", text.lower())
        return {tuple(tokens[at : at + 5]) for at in range(len(tokens) - 4)}

    made = list(articles(passages("networkx", Novelty())))
    for number, article in enumerate(made[:20]):
        first, second = (shingles(page.body) for page in near_duplicates(article, number, []))
        assert 0.9 < len(first & second) / len(first | second) < 1


def test_private_strings_and_their_surroundings_are_in_the_page(written: Written) -> None:
    for case in ("email", "phone", "ip_address"):
        for line in by_case(written, case):
            text = html.unescape(written.bodies[line["url"]].decode())
            assert line["expect"]["absent"]
            assert all(part in text for part in (*line["expect"]["absent"], *line["expect"]["contains"]))


def test_responses_that_are_no_pages(written: Written) -> None:
    assert sorted(written.status[line["url"]] for line in by_case(written, "not_ok")) == ["301", "404"]
    assert {written.status[line["url"]] for line in by_case(written, "not_html")} == {"200"}
    (hostile,) = by_case(written, "hostile")
    assert written.bodies[hostile["url"]].count(b'=""') == ATTRIBUTES
    at = [line["url"] for line in written.truth].index(hostile["url"])
    assert hostile["expect"]["neighbours"] == [written.truth[at - 1]["url"], written.truth[at + 1]["url"]]


@pytest.mark.parametrize(
    "text",
    [
        SENTENCES + "Use `solve` for this.",
        SENTENCES + "See {name} for more.",
        SENTENCES + ">>> solve(3)",
        SENTENCES + "Write to someone@host.example for help.",
        SENTENCES + "and it stops without a full stop",
        "the solver starts in lower case. " + SENTENCES,
        SENTENCES + "This page needs JavaScript to work.",
        "Short.",
        "LOUD WORDS HERE MEAN THAT NOBODY WROTE THIS TO BE READ AS PROSE, AND SO IT IS REFUSED EVERYWHERE.",
    ],
)
def test_what_is_not_prose(text: str) -> None:
    assert is_prose(SENTENCES.strip())
    assert not is_prose(text.strip())


def test_paragraphs_of_a_docstring() -> None:
    first = SENTENCES.strip()
    second = first.replace("solver", "reader").replace("caller", "writer")
    docstring = (
        f"Summary line.\n\n{first[:50]}\n{first[51:]}\n\nParameters\n----------\nstate : int\n    {second}\n\n"
        f"- a point that goes on and on\n  {first}\n"
    )
    assert list(paragraphs(docstring)) == [" ".join(first.split()), second]


def test_novelty_refuses_what_was_mostly_written_before() -> None:
    novelty = Novelty()
    assert novelty.accept(SENTENCES)
    assert not novelty.accept(SENTENCES)
    assert not novelty.accept(SENTENCES.upper() + "Truly.")
    assert novelty.accept(
        "Nothing in this sentence was part of the other one, so that it is new to the reader."
    )


def test_docstrings_are_read_without_importing(tmp_path: Path) -> None:
    source = tmp_path / "module.py"
    long = SENTENCES.strip()
    source.write_text(
        f'raise SystemExit\nclass Thing:\n    """{long}"""\n    async def work(self):\n        """{long}"""\n'
        f'if True:\n    add_newdoc("numpy", "zeros", """\n    {long}\n    """)\n'
        f'add_docstr(torch.abs, r"""\n{long}\n""")\n'
    )
    assert [(owner, text.strip()) for owner, text in docstrings(source)] == [
        (owner, long) for owner in ("Thing", "work", "zeros", "abs")
    ]
    source.write_text(f'def broken(:\n    """{long}"""\n')
    assert docstrings(source) == []


def test_distributions_are_installed_and_absent_ones_have_no_files() -> None:
    assert [name for name in DISTRIBUTIONS if not distribution_files(name, ".py")] == []
    assert distribution_files("no-such-distribution-anywhere", ".py") == []
    assert next(passages(STDLIB, Novelty())).host == STDLIB


def test_an_article_is_five_to_seven_passages_in_order() -> None:
    given = [
        Passage("numpy", "numpy/linalg/norms", "vector_norm", f"{SENTENCES}{number}.") for number in range(40)
    ]
    made = list(articles(given))
    texts = [text for article in made for text in article.paragraphs]
    assert texts == [passage.text for passage in given][: len(texts)]
    assert len(given) - len(texts) < 7
    assert {len(article.sections) for article in made} <= {5, 6, 7}
    assert len({article.url for article in made}) == len(made)
    assert words("_compute_GradNorm") == "Compute grad norm"


def corpus(text: str) -> dict[str, Any]:
    return {"fate": "corpus", "reason": None, "text": text, "duplicate_of": None}


def fate(name: str, reason: str | None = None) -> dict[str, Any]:
    return {"fate": name, "reason": reason, "text": None, "duplicate_of": None}


def line(url: str, case: str, **expect: Any) -> dict[str, Any]:
    return {"url": url, "case": case, "expect": expect}


def test_score_of_fates_and_reasons() -> None:
    truth = [
        line("a", "plain", fates=["corpus"]),
        line("b", "plain", fates=["corpus"]),
        line("c", "plain", fates=["corpus"]),
        line("d", "language", fates=["dropped"], reason="language."),
        line("e", "language", fates=["dropped"], reason="language."),
    ]
    fates = {
        "a": corpus("Text."),
        "b": fate("dropped", "gopher_quality.stop_words"),
        "d": fate("dropped", "language.not_english"),
        "e": fate("dropped", "extract.empty"),
    }
    assert score(truth, fates) == [CaseScore("plain", 3, 1, ("b", "c")), CaseScore("language", 2, 1, ("e",))]


def test_score_of_groups() -> None:
    truth = [line(f"{group}{at}", "mirror", group=group) for group in "wxyz" for at in range(3)]
    fates = {f"w{at}": fate("duplicates" if at else "corpus") for at in range(3)}
    fates |= {f"x{at}": fate("duplicates") for at in range(3)}  # all lost
    fates |= {f"y{at}": fate("duplicates" if at == 0 else "corpus") for at in range(3)}  # two left
    fates |= {
        f"z{at}": fate(("corpus", "duplicates", "dropped")[at]) for at in range(3)
    }  # not known as a copy
    assert score(truth, fates) == [CaseScore("mirror", 4, 1, ("x0", "y0", "z0"))]


def test_score_of_texts_and_boilerplate() -> None:
    private = {"fates": ["corpus"], "contains": ["It’s here."], "absent": ["a@b.example"]}
    truth = [line(url, "email", **private) | {"boilerplate": ["We use cookies"]} for url in "abcd"]
    fates = {
        "a": corpus("Well.\nIt's\n here. Write to email@example.com."),
        "b": corpus("It's here. Write to a@b.example."),
        "c": corpus("Write to email@example.com. We use\ncookies."),
        "d": fate("dropped", "language.score"),
    }
    assert score(truth, fates) == [
        CaseScore("email", 4, 1, ("b", "c", "d")),
        CaseScore("boilerplate", 3, 2, ("c",)),
    ]


def test_score_of_a_hostile_page_counts_its_neighbours() -> None:
    truth = [line("h", "hostile", fates=["failed", "dropped"], neighbours=["a", "b"])]
    good = {"h": fate("failed", "timeout"), "a": corpus("Text."), "b": fate("dropped", "c4.curly_bracket")}
    assert score(truth, good)[0].caught == 1
    assert score(truth, good | {"b": fate("failed", "timeout")})[0].caught == 0
    assert score(truth, good | {"h": corpus("Hello there.")})[0].caught == 0
    assert score(truth, {name: good[name] for name in "ha"})[0].caught == 0
