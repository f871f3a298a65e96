"""A crawl that attacks whoever looks at it, and the runs over it: one from WARC, one from JSON lines.

The pages are real ones as far as the pipeline can tell: their prose is long enough to be kept, or short enough to be
dropped, and an attack stands in everything that a page can choose: address, host, title, text, declared language and
dates. The JSON lines choose their ids and labels as well. Both files, and the recipe, have names that attack, too.
"""

from __future__ import annotations

import gzip
import html
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tests.pipeline.conftest import sluice

# What acts calls `alert`, writes `__pwned`, asks `evil.example` for something, or leaves a mark `data-pwned`.
ACT = "__pwned=1,alert(1)"
ATTACKS = {
    "script": f"<script data-pwned>{ACT}</script><SCRIPT/SRC=//evil.example/x.js></SCRIPT >",
    "image": f'<img data-pwned src=x onerror="{ACT}"><img src="//evil.example/pixel.png">',
    "svg": f"<svg data-pwned onload={ACT}><animate onbegin={ACT} attributeName=x dur=1s></svg>",
    "attribute": f"\" autofocus tabindex=1 onfocus={ACT} data-pwned x=' onmouseover={ACT} ` onclick={ACT} ",
    "closing": f"</script></style></title></textarea></pre></template>--></noscript><script>{ACT}</script>",
    "cdata": f"]]><script>{ACT}</script><![CDATA[ <!-- ]]> --!> <?xml-stylesheet href='//evil.example/x.xsl'?>",
    "style": "<style data-pwned>body{display:none}@import url(//evil.example/x.css);</style>} * {color:red",
    "frame": f'<iframe srcdoc="<script>parent.{ACT}</script>"></iframe><object data=//evil.example/x></object>',
    "base": f'<base href="//evil.example/"><meta http-equiv=refresh content="0;url=javascript:{ACT}">',
    "form": f'<form action=//evil.example/><button autofocus formaction="javascript:{ACT}">Go</button></form>',
    "jinja": "{{7*7}} {{ 2*'pwned' }} {% for x in range(2) %}pwned{% endfor %} {# gone #} ${2*'pwned'} <%= 49 %>",
    "template": "{{ ''.__class__.__mro__[1].__subclasses__() }} {{ config }} %(asctime)s %s %n {0.__class__} [[x]]",
    "javascript": f'javascript:{ACT} <a href="javascript:{ACT}">data:text/html,<script>{ACT}</script></a>',
    "json": f'"}}]}}</script><script>{ACT}</script>\\u003cscript\\u003e \\" \\\\ \'+{ACT}+\' ${{{ACT}}}',
    "sql": "'; DROP TABLE documents; -- \" OR \"\"='' UNION SELECT * FROM read_text('/etc/passwd') LIMIT 1 %_",
    "formula": "=cmd|' /C calc'!A0 @SUM(1+1)*cmd +1+cmd -1+cmd \t=HYPERLINK(\"//evil.example\")",
    "terminal": "\x1b[31mred\x1b[2J \x1b]0;owned\x07 \x1b]8;;http://evil.example\x1b\\ \x9b31m \x08\x08\x7f\r\x0b",
    "bidi": "\u202etxt.exe\u202c \u2066isolated\u2069 \u200fright\u200e \u061c \u202dleft",
    "invisible": "pass\u200bword zero\u200dwidth \ufeffmark soft\u00adhyphen \u2060 \U000e0041\U000e0042 \u034f",
    "separators": "one\u2028two\u2029three\x85four\x00five\ufffdsix\ufffeseven\ue000eight",
    "path": "../../../../etc/passwd ..\\..\\windows %2e%2e%2f%00 file:///etc/passwd /dev/null C:\\aux",
    "address": "a/b?c=d&amp;e=f&g#h%2Fi;j//user:secret@k:80/\\..?%00%0d%0aSet-Cookie:x=y&page=2&id=3",
    "markdown": f'[x](javascript:{ACT}) ![x](//evil.example/pixel) | a | b | `code` ***\n---\n# head\n<b data-pwned>',
    "emoji": "👩‍👩‍👧‍👦🏴‍☠️🇬🇧 𝕳𝖔𝖘𝖙𝖎𝖑𝖊 𠜎𠜱 e\u0301\u0302\u0303\u0304 Z͑ͫ̓ͪ̂ͫ̽͏̴̙̤̞͉͚̯̞̠͍A̴̵̜̰͔ͫ͗͢L̠ͨͧͩ͘G̴̻͈͍͔̹̑͗̎̅͛́Ǫ̵̹̻̝̳͂̌̌͘!",
    "right": "שלום עולם مرحبا بالعالم ۱۲۳ אבג (abc) דה-ו",
    "wide": "W" * 3_000 + " " + "漢字" * 1_500,
}  # fmt: skip
KINDS = list(ATTACKS)
FILE_NAME = "<img src=x onerror=__pwned=1>'\"&{{7*'pwned'}}.warc.gz"
LINES_NAME = "x';DROP TABLE t--<svg onload=__pwned=1>.jsonl"
LONG_URL = 4_096  # characters
LINE = 1 << 20  # bytes of the page of one line

RECIPE = r"""
name: "<b onmouseover=__pwned=1 data-pwned>{{ 2*'pwned' }}</b>"
description: "</script><script>__pwned=1</script> \u202e \x1b[31m"
extract: {extractor: trafilatura, favor: recall, page_timeout: 20}
max_failed: 1
filters:
  - language: {languages: null, min_score: null}
  - gopher_quality: {min_words: 120, max_words: 1000000, min_word_length: null, max_word_length: null,
      max_hash_ratio: null, max_ellipsis_ratio: null, max_bullet_lines: null, min_alphabetic_words: null,
      min_stop_words: 2}
  - c4: {min_sentences: 3, min_words_per_line: 1, max_word_length: null, filter_javascript: false,
      filter_policy: false, remove_citations: false, max_curly_bracket_lines: null}
dedup: {exact: true, minhash: {ngram: 5, bands: 14, rows: 8}}
pii: {mask: [emails, ips]}
"""


class Hostile(NamedTuple):
    """One page and what is to become of it."""

    kind: str
    url: str
    title: str
    paragraphs: tuple[str, ...]
    language: str  # as declared
    fate: str  # corpus, dropped or duplicates


def pages() -> list[Hostile]:
    """Every attack once in a page that is kept and once in one that is dropped, then duplicates and giants."""
    made = []
    for at, (kind, attack) in enumerate(ATTACKS.items()):
        for fate in ("corpus", "dropped"):
            text = prose(f"{kind} {fate}", 14 if fate == "corpus" else 2)
            if fate == "dropped" and at % 2:  # by another rule
                text = [*prose(f"{kind} lorem", 14), f"Lorem ipsum {attack} dolor sit amet."]
            made.append(_page(kind, fate, [text[0], f"{attack} It was said so, and {attack}", *text[1:]]))
    for kind in ("script", "attribute", "bidi", "jinja"):
        text = prose(f"{kind} copied", 30)
        made.append(_page(kind, "corpus", text, "original"))
        made.append(_page(kind, "duplicates", [*text[:-1], f"Here stands {ATTACKS[kind]} instead."], "near"))
        made.append(_page(kind, "duplicates", text, "exact"))
    giant = " ".join(prose("giant", 60) * 200)[: LINE - 200]
    made.append(_page("image", "corpus", [f"{ATTACKS['image']} {giant} {ATTACKS['script']}"], "giant"))
    long = _page("svg", "corpus", prose("long address", 12), "long")
    made.append(long._replace(url=(long.url + "/%3Cscript%3E<script>'\"" * LONG_URL)[:LONG_URL]))
    return made


def prose(seed: str, sentences: int) -> list[str]:
    """Sentences of plain English, other ones for every seed; each of more than ten words."""
    rng = random.Random(seed)
    who = "The mayor|A fisherman|My neighbour|The old teacher|Her brother|Every visitor|The engineer|A small child"
    did = "repaired|painted|described|remembered|measured|borrowed|carried|sold|studied|followed|visited|counted"
    what = "bridge|harbour|lantern|orchard|letter|market|ladder|river|chapel|garden|engine|ferry|window|map|clock"
    when = (
        "before the winter|in the afternoon|after the long storm|at dawn|during the summer|on a quiet Sunday"
    )
    why = "because of the weather|and nobody was surprised|that people still talk about|with the help of friends"

    def one(choices: str) -> str:
        return rng.choice(choices.split("|"))

    return [
        f"{one(who)} {one(did)} the {one(what)} and the {one(what)} near the {one(what)} {one(when)}, {one(why)}."
        for _ in range(sentences)
    ]


def write_hostile_warc(folder: Path) -> Path:
    """The pages as a WARC file with a hostile name."""
    path = folder / FILE_NAME
    path.write_bytes(b"".join(_record(one) for one in pages()))
    return path


def write_hostile_lines(folder: Path) -> Path:
    """The pages as JSON lines with hostile ids and labels, and a line that cannot be read."""
    path = folder / LINES_NAME
    lines = []
    for number, one in enumerate(pages()):
        attack = ATTACKS[one.kind]
        first = one.fate == "corpus" and f"/corpus/?q={attack[:9]}" in one.url
        row = {
            "id": attack[:1500] if first else f"{number}{attack[:1500]}",
            "url": one.url,
            "title": one.title,
            "language": attack[:300],
        }
        row |= {"text": "\n\n".join(one.paragraphs), "date": attack[:100], "published": attack[:100]}
        row |= {
            "language_declared": one.language,
            "license": attack,
            "canonical": attack,
            "warc_file": attack,
        }
        lines.append(json.dumps(row))
    lines.append(f"{{{ATTACKS['script']}")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def run_hostile(folder: Path, source: Path) -> Path:
    """A run over one of the files, up to the corpus, in `folder`/run."""
    recipe = folder / "hostile.yaml"
    recipe.write_text(RECIPE, encoding="utf-8")
    sluice("run", recipe, "--input", source, "--out", folder / "run", "--until", "corpus", "--workers", "1")
    return folder / "run"


def _page(kind: str, fate: str, paragraphs: list[str], label: str = "") -> Hostile:
    attack = ATTACKS[kind]
    host = f"{kind}-{fate}{label}{attack[:24]}.example" if KINDS.index(kind) % 2 else f"{kind}{label}.example"
    url = f"http://{host}/{fate}/{label}?q={attack[:2000]}#{attack[:80]}"
    if kind == "javascript":
        url = f"{attack[:200]}//{fate}{label}"
    return Hostile(kind, url, f"{attack} {kind} {fate}", tuple(paragraphs), attack[:60], fate)


def _record(one: Hostile) -> bytes:
    body = b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n\r\n" + _markup(one)
    head = (
        f"WARC/1.0\r\nWARC-Type: response\r\nWARC-Target-URI: {_on_a_line(one.url)}\r\n"
        f"WARC-Date: 2024-03-01T06:00:00Z\r\nContent-Type: application/http; msgtype=response\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return gzip.compress(head.encode("utf-8", "replace") + body + b"\r\n\r\n", mtime=0)


def _on_a_line(url: str) -> str:
    """As a header of a WARC record can carry it."""
    return url.replace("\r", "%0D").replace("\n", "%0A").replace("\x00", "%00")


def _markup(one: Hostile) -> bytes:
    def escaped(text: str) -> str:
        return html.escape(text).replace("\x00", "&#0;")

    inside = "\n".join(f"<p>{escaped(text)}</p>" for text in one.paragraphs)
    attack = ATTACKS[one.kind]  # as the page's own markup as well
    return (
        f'<!DOCTYPE html><html lang="{escaped(one.language)}"><head><meta charset="utf-8">'
        f"<title>{escaped(one.title)}</title></head>"
        f"<body><article><h1>{escaped(one.title)}</h1>\n{inside}\n</article>{attack}</body></html>"
    ).encode("utf-8", "replace")


def attacks_in(text: str) -> Iterator[str]:
    """Kinds of attack that stand in a text as they were written."""
    yield from (kind for kind, attack in ATTACKS.items() if attack in text)
