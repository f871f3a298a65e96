"""Good pages with something planted: copies, addresses, charsets, encodings, broken markup.

Each function takes an article that all common filters keep and returns the pages of one planted case.
"""

from __future__ import annotations

import gzip
import re
import zlib
from html import escape

from pipeline.sample.article import Article, seeded, slug
from pipeline.sample.page import Page, article_page, kept, truth
from pipeline.sample.site import LOOKS, site
from pipeline.sample.templates import Links, page

_WORD = re.compile(r"\b[a-z]{5,}\b")
WORDS_A_CHANGE = 170
"""One changed word among so many leaves 5-gram Jaccard similarity of about .94."""

_PEOPLE = (
    "maria.keller",
    "j_okafor",
    "tom.lindgren",
    "press",
    "a.moreau",
    "editor-in-chief",
    "support+web",
    "li.wei",
)
_HOMES = (
    "brightwater.example",
    "mail.northgate.example",
    "riverton.example.org",
    "oakfield-labs.example.net",
)
_PHONES = (
    "(212) 555-0187", "212-555-0143", "+1 415 555 0132", "(646) 555-0109", "+44 20 7946 0958", "+1-312-555-0176",
    "415.555.0161", "+44 161 496 0127", "1-800-555-0199", "(303) 555-0114",
)  # fmt: skip
"""Numbers that numbering authorities set aside for fiction."""
_ADDRESSES = (
    "198.41.0.4",
    "199.7.91.13",
    "192.33.4.12",
    "193.0.14.129",
    "202.12.27.33",
    "8.8.4.4",
    "9.9.9.9",
)
"""Public addresses of root name servers and open resolvers."""


def exact_duplicates(article: Article, number: int, related: Links) -> list[Page]:
    """The page, and the same bytes under one or two addresses that differ as links to one page do."""
    first = article_page(article, "exact_duplicate", {"group": f"exact-{number}"}, related)
    variants = (
        f"{article.url}?utm_source=newsletter&utm_medium=email",
        f"{article.url}?print=1",
        f"http://www.{article.host}{article.path}",
        f"https://{article.host}/index.php?page={slug(article.path)}",
    )
    chosen = seeded("exact", number).sample(variants, 1 + number % 2)
    return [first, *(first._replace(url=url, truth=first.truth | {"url": url}) for url in chosen)]


def near_duplicates(article: Article, number: int, related: Links) -> list[Page]:
    """The page, and a later version of it under another address, with a few words changed."""
    expect = {"group": f"near-{number}"}
    rng = seeded("near", number)
    total = sum(len(text.split()) for text in article.paragraphs)
    pool = sorted({word for text in article.paragraphs for word in _WORD.findall(text)})
    sections = list(article.sections)
    for at in rng.sample(range(len(sections)), max(1, min(len(sections), total // WORDS_A_CHANGE))):
        heading, text = sections[at]
        found = list(_WORD.finditer(text))
        if found:
            spot = rng.choice(found)
            other = rng.choice([word for word in pool if word != spot.group()])
            sections[at] = (heading, text[: spot.start()] + other + text[spot.end() :])
    later = article._replace(path=f"/revised{article.path}", sections=tuple(sections))
    return [
        article_page(article, "near_duplicate", expect, related),
        article_page(later, "near_duplicate", expect, related),
    ]


def mirrors(article: Article, number: int, related: Links) -> list[Page]:
    """The page, and the same text on another host, in another template."""
    expect = {"group": f"mirror-{number}"}
    host = f"{seeded('mirror', number).choice(('mirror', 'cache', 'reprints', 'docs-copy'))}-{number}.example"
    own = site(article.host)
    frame = site(host)
    if frame.look == own.look:
        frame = frame._replace(look=(own.look + 1) % LOOKS)
    copy = article._replace(host=host, path=f"/{slug(own.name)}{article.path}")
    second = article_page(copy, "mirror", expect, related, frame)
    second.truth["source"] = article.host.removesuffix(".example")
    return [article_page(article, "mirror", expect, related), second]


def emails(article: Article, number: int, related: Links) -> list[Page]:
    """Two e-mail addresses in the running text."""
    rng = seeded("email", number)
    first, second = (f"{name}@{rng.choice(_HOMES)}" for name in rng.sample(_PEOPLE, 2))
    note = f"Questions and corrections go to {first}, or after office hours to {second}."
    return [_noted(article, "email", note, [first, second], related)]


def phones(article: Article, number: int, related: Links) -> list[Page]:
    """Two telephone numbers in the running text."""
    first, second = seeded("phone", number).sample(_PHONES, 2)
    note = f"The office can be reached at {first} on working days, and the front desk answers {second} until nine."
    return [_noted(article, "phone", note, [first, second], related)]


def addresses(article: Article, number: int, related: Links) -> list[Page]:
    """A public IP address, which has to go, and a private one, which tells nothing and stays."""
    public = seeded("address", number).choice(_ADDRESSES)
    inner = f"192.168.{number % 200}.10"
    note = (
        f"The machine answered from {public} while it was being tested, and from {inner} inside the building."
    )
    made = _noted(article, "ip_address", note, [public], related)
    made.truth["expect"]["contains"].append(f"and from {inner} inside the building.")
    return [made]


def charsets(article: Article, number: int, related: Links) -> list[Page]:
    """Typographic quotation marks in an older encoding, declared in one of the ways that are met."""
    quoted = "“A short preface – this page was set by hand, and it’s been read à la carte since.”"
    first = (article.sections[0][0], f"{quoted} {article.sections[0][1]}")
    typeset = article._replace(sections=(first, *article.sections[1:]))
    header, meta, encoding = (
        ("text/html; charset=windows-1252", None, "cp1252"),
        ("text/html", "windows-1252", "cp1252"),
        ("text/html; charset=ISO-8859-1", None, "cp1252"),  # browsers read this label as windows-1252
        ("text/html", "iso-8859-1", "cp1252"),
        ("text/html; charset=UTF-8", "iso-8859-1", "utf-8"),  # the header wins
        ("text/html", None, "utf-8-sig"),
    )[number % 6]
    frame = site(article.host)
    body = page(typeset, frame, related, meta).encode(encoding, "xmlcharrefreplace")
    expect = kept([quoted, article.paragraphs[-1]])
    return [
        Page(article.url, body, truth(typeset, "charset", expect, frame), headers=(("Content-Type", header),))
    ]


def encodings(article: Article, number: int, related: Links) -> list[Page]:
    """A body as it was sent: compressed, in chunks, or both."""
    made = article_page(article, "encoding", kept([article.paragraphs[0], article.paragraphs[-1]]), related)
    body, headers = made.body, list(made.headers)
    if number % 4 in (0, 2):
        body = gzip.compress(body, 9, mtime=0)
        headers.append(("Content-Encoding", "gzip"))
    if number % 4 == 3:
        body = zlib.compress(body, 9)
        headers.append(("Content-Encoding", "deflate"))
    if number % 4 in (1, 2):
        pieces = [body[at : at + 4000] for at in range(0, len(body), 4000)]
        body = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
        headers.append(("Transfer-Encoding", "chunked"))
    return [made._replace(body=body, headers=tuple(headers))]


def broken_markup(article: Article, number: int, related: Links) -> list[Page]:
    """Tags that are not closed, closed twice or cut off; no `html`, no `head`."""
    frame = site(article.host)
    head = f"<h1>{escape(article.title)}"
    texts = [escape(text, quote=False) for text in article.paragraphs]
    menu = "".join(f"<li><a href=/{slug(label)}>{escape(label)}" for label in frame.menu)
    unclosed = (
        f"<title>{head[4:]}</title><body><ul class=menu>{menu}</ul><div class=content>{head}<p>"
        + "<p>".join(texts)
    )
    crossed = (
        f"<div>{head}</h2></div></div><div class=article><p><b>"
        + "</i></p><p>".join(texts)
        + "</body></body>"
    )
    spans = "".join(f"<p><span>{text}</p></td>" for text in texts)
    stray = f"<html><html><body><center>{head}</h1><div class=text>{spans}</tr></div"
    spaced = "".join(f"<p class='lead>{slug(frame.name)}' ID=>{text}</p ><br/ >" for text in texts)
    cut_off = f"{head}</h1><article>{spaced}<footer><a href='/impr"
    body = (unclosed, crossed, stray, cut_off)[number % 4]
    line = truth(article, "broken_markup", kept([article.paragraphs[1], article.paragraphs[-1]]), frame)
    line.pop("boilerplate")
    return [Page(article.url, body.encode(), line)]


def _noted(article: Article, case: str, note: str, private: list[str], related: Links) -> Page:
    """The article with a note behind its second paragraph, from which the private strings must vanish."""
    sections = list(article.sections)
    sections[1] = (sections[1][0], f"{sections[1][1]} {note}")
    expect = kept([article.paragraphs[0], article.paragraphs[1], note.split(private[0])[0].strip()], private)
    return article_page(article._replace(sections=tuple(sections)), case, expect, related)
