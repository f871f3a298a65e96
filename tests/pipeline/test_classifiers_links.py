"""What Wikipedia cites: dumps of both schemas, references in wikitext, lists at three levels, one spelling of URLs."""

from __future__ import annotations

import bz2
import gzip
import io
from pathlib import Path

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import UsageError
from pipeline.wikipedia.address import canonical_url, host_of, registered_domain
from pipeline.wikipedia.dumps import cited, sql_links, xml_links
from pipeline.wikipedia.links import read_links
from tests.growth import assert_linear

OLD = (
    b"-- MySQL dump 10.19\nCREATE TABLE `externallinks` (\n);\n"
    b"INSERT INTO `externallinks` VALUES (1,2,'http://www.example.org/it\\'s','http://org.example.www./it\\'s','x'),"
    b"(2,2,'//cdn.example.net/a','http://net.example.cdn./a',''),(3,4,'https://example.com/b\\\\(1,2,','https://com.',"
    b"'');\n"
)
NEW = (
    b"-- MySQL dump 10.19\n"
    b"INSERT INTO `externallinks` VALUES (1,2,'https://org.example.www.','/a?b=c'),(2,3,'http://com.example.:8080',"
    b"'/x'),(3,3,'https://net.example.',NULL),(4,4,'http://V4.192.0.2.7.','/y');\n"
)


def test_sql_of_both_schemas() -> None:
    assert list(sql_links(io.BytesIO(OLD))) == [
        "http://www.example.org/it's",
        "//cdn.example.net/a",
        "https://example.com/b\\(1,2,",
    ]
    assert list(sql_links(io.BytesIO(NEW))) == [
        "https://www.example.org/a?b=c",
        "http://example.com:8080/x",
        "https://example.net",
        "http://192.0.2.7/y",
    ]


WIKITEXT = """Intro [http://example.com/not-cited outside] <ref>plain http://one.example/a.</ref>
<ref name="two/2">{{cite web
 | title = Two
 | url = https://two.example/b_(c)
 | archive-url = https://web.archive.org/web/2016/https://two.example/b_(c)
}}</ref> again <ref name=two /> and <ref name="x">
[//three.example/c Three]
</ref> <!-- <ref>http://comment.example/</ref> -->
== Literature == {{cite book|url=https://four.example/d|title=x}} <REF>(http://five.example/e)</REF>"""


def test_references_of_any_shape() -> None:
    assert list(cited(WIKITEXT)) == [
        "http://one.example/a",
        "https://two.example/b_(c)",
        "https://web.archive.org/web/2016/https://two.example/b_(c)",
        "//three.example/c",
        "http://five.example/e",
        "https://four.example/d",
    ]


def test_page_dumps(tmp_path: Path) -> None:
    def page(space: int, text: str) -> str:
        return f"<page><title>T</title><ns>{space}</ns><revision><text>{text}</text></revision></page>"

    body = page(0, "&lt;ref&gt;http://a.example/1&lt;/ref&gt;") + page(
        1, "&lt;ref&gt;http://talk.example&lt;/ref&gt;"
    )
    dump = f'<mediawiki xmlns="http://www.mediawiki.org/xml/export-0.11/">{body}</mediawiki>'.encode()
    assert list(xml_links(io.BytesIO(dump))) == ["http://a.example/1"]
    (tmp_path / "pages.xml.bz2").write_bytes(bz2.compress(dump))
    found = read_links([str(tmp_path / "pages.xml.bz2")])
    assert found.level == "url"
    assert found.cites("https://www.a.example/1/")
    assert not found.cites("http://talk.example")


@pytest.mark.parametrize(
    ("url", "wanted"),
    [
        ("HTTP://WWW.Example.org:80/a/#top", "example.org/a"),
        ("https://example.org:443", "example.org"),
        ("https://example.org:8443/", "example.org:8443"),
        ("//example.org/%7euser/%e4%bd%a0", "example.org/~user/%E4%BD%A0"),
        ("http://example.org/你 x", "example.org/%E4%BD%A0%20x"),
        ("http://bücher.example/?q=1&r=", "xn--bcher-kva.example/?q=1&r="),
        ("http://example.org/?", "example.org"),
        ("http://example.org/100%", "example.org/100%25"),
        ("http://web.archive.org/web/20160101000000id_/http://www.example.org/a", "example.org/a"),
        ("https://web.archive.org/web/2016*/other", "web.archive.org/web/2016*/other"),
        ("http://user:word@example.org/", "example.org"),
        ("ftp://example.org/", None),
        ("mailto:a@example.org", None),
        ("http://localhost/", None),
        ("http://[::1/", None),
        ("", None),
    ],
)
def test_one_spelling(url: str, wanted: str | None) -> None:
    found = canonical_url(url)
    assert found == wanted
    assert wanted is None or canonical_url(wanted) == wanted


@given(st.text(max_size=60))
def test_any_text_has_one_spelling_or_none(text: str) -> None:
    found = canonical_url("http://example.org/" + text)
    assert found is None or canonical_url(found) == found


def test_hosts_and_domains() -> None:
    assert host_of("news.example.co.uk:8080/a?b") == "news.example.co.uk"
    assert registered_domain("news.example.co.uk") == "example.co.uk"
    assert registered_domain("localhost") == "localhost"


@pytest.mark.parametrize(
    ("name", "text", "level", "cited", "not_cited"),
    [
        (
            "a.tsv",
            "host\tar\tca\nnews.example.org\t3\t0\n",
            "host",
            "http://www.news.example.org/x",
            "http://example.org",
        ),
        (
            "a.csv",
            'name,domain,n\n"B, B",example.co.uk,7\n',
            "domain",
            "http://a.example.co.uk/",
            "http://other.co.uk/",
        ),
        (
            "a.tsv",
            "http://w.example/\thttp://b.example/x\n",
            "url",
            "https://b.example/x/",
            "http://b.example/y",
        ),
        ("a.txt", "http://b.example/x\nhttp://c.example/\n", "url", "http://c.example", "http://b.example/"),
        ("a.txt", "example.org\nb.example\n", "domain", "http://x.example.org/", "http://c.example/"),
        ("a.txt", "news.example.org\nb.example\n", "host", "http://news.example.org/", "http://example.org/"),
    ],
)
def test_lists_say_their_level(
    name: str, text: str, level: str, cited: str, not_cited: str, tmp_path: Path
) -> None:
    data = text.encode()
    packed = {
        "": data,
        ".gz": gzip.compress(data),
        ".bz2": bz2.compress(data),
        ".zst": zstandard.compress(data),
    }
    for suffix, content in packed.items():
        path = tmp_path / (name + suffix)
        path.write_bytes(content)
        found = read_links([str(path)])
        assert found.level == level
        assert list(found.cites_all([cited, not_cited, "", "mailto:x"])) == [True, False, False, False]


def test_levels_are_made_coarser_never_finer(tmp_path: Path) -> None:
    (tmp_path / "urls.txt").write_text("http://a.example.org/x\n")
    (tmp_path / "hosts.tsv").write_text("host\tn\nb.example.net\t9\nc.example.net\t2\n")
    both = [str(tmp_path / "urls.txt"), str(tmp_path / "hosts.tsv")]
    found = read_links(both)
    assert (found.level, [source.level for source in found.sources]) == ("host", ["url", "host"])
    assert found.cites("http://a.example.org/other")
    assert read_links(both, "domain").cites("http://z.example.net/")
    with pytest.raises(UsageError, match=r"hosts.tsv has hosts: it does not say which urls are cited"):
        read_links(both, "url")
    fewer = read_links(both[1:], least=3)
    assert fewer.cites("http://b.example.net/")
    assert not fewer.cites("http://c.example.net/")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "no links in it"),
        (b"no link here\nnor here\n", "no column of addresses"),
        (gzip.compress(b"http://a.example\n" * 9000)[:-20], "damaged"),
        (b"host\tn\n  \t1\n", "no hosts in it"),
    ],
)
def test_lists_that_are_none(content: bytes, said: str, tmp_path: Path) -> None:
    (tmp_path / "list").write_bytes(content)
    with pytest.raises(UsageError, match=f"list: .*{said}"):
        read_links([str(tmp_path / "list")])
    with pytest.raises(UsageError, match="absent"):
        read_links([str(tmp_path / "absent")])


def test_hostile_wikitext_costs_linear_time() -> None:
    for unit in ("<ref>", "<ref name=", "<!--", "|url=http://a", "http://", "</ref>"):
        assert_linear(lambda size, unit=unit: list(cited(unit * size)), 3000)  # type: ignore[misc]
