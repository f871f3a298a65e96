"""E-mail addresses, also written `name [at] host [dot] org`.

A domain needs a top level of letters, which no file has: `logo@2x.png` is a picture. Letters of an address are Latin,
Cyrillic or Greek; what stands before it in a script without spaces is not swallowed.
"""

from __future__ import annotations

from collections.abc import Iterator

from filters.pii.kinds import Found
from filters.pii.patterns import compiled

_BRACKETED_AT = r"[\[({<] ?(?i:at) ?[\])}>]"
GATE = rf"@|{_BRACKETED_AT}"

_LETTER = r"\p{Latin}\p{Cyrillic}\p{Greek}"
_LOCAL = rf"[{_LETTER}0-9_](?:[{_LETTER}0-9._%+'!#$*^`~\-]*[{_LETTER}0-9_+\-])?"
_ADDRESS = rf"{_LOCAL}@(?:[{_LETTER}0-9\-]+\.)+(?:xn--[a-z0-9\-]{{2,59}}|[{_LETTER}]{{2,24}})"
_SPELT = (
    rf"[A-Za-z0-9_][A-Za-z0-9._%+\-]* ?{_BRACKETED_AT} ?[A-Za-z0-9\-]+"
    r"(?:(?:\.| ?[\[({<] ?(?i:dot|\.) ?[\])}>] ?| (?i:dot) )[A-Za-z0-9\-]+)*"
    r"(?:\.| ?[\[({<] ?(?i:dot|\.) ?[\])}>] ?| (?i:dot) )[A-Za-z]{2,24}"
)
_FILES = frozenset("png jpg jpeg gif webp svg bmp tiff ico css js php html htm mp4 mp3 pdf".split())


def find(text: str) -> Iterator[Found]:
    """The addresses of a text."""
    if "@" in text:
        for match in compiled(_ADDRESS).finditer(text):
            yield from _address(text, *match.span())
    for match in compiled(_SPELT).finditer(text) if compiled(_BRACKETED_AT).search(text) else ():
        start, end = match.span()
        if not text[end : end + 1].isalnum():
            yield Found("emails", start, end, text[start:end], "spelt")


def _address(text: str, start: int, end: int) -> Iterator[Found]:
    after = text[end : end + 1]
    if after.isdigit() or after in ("_", "@"):
        return
    at = text.index("@", start, end)
    labels = text[at + 1 : end].split(".")
    if len(labels) > 2 and labels[-1][:1].isupper() and labels[-2].islower() and 2 <= len(labels[-2]) <= 4:
        end -= len(labels.pop()) + 1  # `a@b.org.Then` ends a sentence
    if labels[-1].lower() in _FILES:
        return
    yield Found("emails", start, end, text[start:end])
