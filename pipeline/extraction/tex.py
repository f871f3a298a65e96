"""TeX as pages give it, cleaned of what belongs to the page and not to the formula."""

from __future__ import annotations

from itertools import pairwise
from urllib.parse import unquote, unquote_plus, urlsplit

_DELIMITERS = (("$$", "$$"), ("\\[", "\\]"), ("\\(", "\\)"), ("$", "$"))
_STYLES = ("\\displaystyle", "\\textstyle", "\\scriptstyle", "\\inline")
_QUERIES = {"latex": "latex", "tex": "tex", "math": "math", "chl": "chl", "eq": "eq", "from": "from"}
_WHOLE_QUERY = ("codecogs.com/", "mimetex", "mathtex", ".latex?")  # the query itself is the formula
_BY_PARAMETER = ("latex.php", "equation?", "/render/math", "cht=tx", "tex.php", "math.now.sh")
_SIZES = ("\\dpi{", "\\bg_", "\\fn_", "\\tiny", "\\small", "\\large", "\\LARGE", "\\huge", "\\hspace{0pt}")
_NO_FORMULA = frozenset({"", "latex", "tex", "math", "equation", "formula", "image", "img"})


def clean(source: str) -> tuple[str, bool]:
    """A formula without comments, delimiters and an outer style, white space collapsed; and whether the delimiters or
    the environment say that it stands apart.

    `{\\displaystyle x}`, as Wikipedia writes it, is `x`.
    """
    if "%" in source:
        source = "".join(_without_comment(line) for line in source.splitlines(keepends=True))
    text = " ".join(source.split())
    display = False
    for opens, closes in _DELIMITERS:
        whole = len(text) >= len(opens) + len(closes) and text.startswith(opens) and text.endswith(closes)
        if whole and not text.endswith("\\" + closes):
            display = opens in ("$$", "\\[")
            text = text[len(opens) : -len(closes)].strip()
            break
    if text.startswith("{\\") and _one_group(text) and text[1:].lstrip().startswith(_STYLES):
        text = text[1:-1].strip()
    for style in _STYLES:
        rest = text.removeprefix(style)
        if rest != text and not rest[:1].isalpha():
            text = rest.strip()
    return text, display


def _without_comment(line: str) -> str:
    at = line.find("%")
    while at != -1:
        backslashes = len(line[:at]) - len(line[:at].rstrip("\\"))
        if backslashes % 2 == 0:
            return line[:at]  # a comment takes the end of the line along
        at = line.find("%", at + 1)
    return line


def _one_group(text: str) -> bool:
    """Whether the brace that opens `text` is closed by its last character."""
    depth = 0
    escaped = False
    for number, character in enumerate(text):
        if escaped:
            escaped = False
        elif character == "\\":
            escaped = True
        elif character == "{":
            depth += 1
        elif character == "}":
            depth -= 1
            if depth == 0:
                return number == len(text) - 1
    return False


def like_tex(text: str) -> bool:
    """Whether a text that is said to be a formula can be TeX: it has TeX's signs, or no word."""
    return any(sign in text for sign in "\\^_{") or not any(
        first.isalpha() and second.isalpha() for first, second in pairwise(text)
    )


def delimited(text: str) -> bool:
    """Whether an alternative text is marked as TeX by its delimiters or its beginning."""
    text = text.strip()
    if text.startswith(("{\\displaystyle", "LaTeX:")):
        return True
    return any(
        text.startswith(opens)
        and text.endswith(closes)
        and like_tex(text[len(opens) : -len(closes)].strip() or "no TeX")
        for opens, closes in _DELIMITERS
    )


def of_document(source: str) -> str:
    """The formula in `<tex-math>`, which may be a whole LaTeX document."""
    _, found, body = source.partition("\\begin{document}")
    return body.partition("\\end{document}")[0] if found else source


def of_image(alt: str, addresses: list[str]) -> str | None:
    """The TeX of a formula's image: from an address that holds it, else the alternative text; None if it has none."""
    text = alt.strip().removeprefix("LaTeX:").strip()
    usable = text.lower() not in _NO_FORMULA and not text.startswith("Rendered by")
    for address in addresses:
        found = _of_address(address)
        if found:
            # The same formula is better spelled where nothing had to be encoded.
            return text if usable and _bare(text) == _bare(found) else found
    return text if usable else None


def _bare(text: str) -> str:
    return "".join(text.split())


def _of_address(address: str) -> str | None:
    if any(mark in address for mark in _WHOLE_QUERY):
        query = address.partition("?")[2]
        text = unquote(query.replace("&space;", " "))
        for size in _SIZES:
            while text.lstrip().startswith(size):
                text = text.lstrip()[len(size) :]
                text = text.partition("}" if size.endswith("{") else " ")[2] if size[-1] in "{_" else text
        return text.strip() or None
    if any(mark in address for mark in _BY_PARAMETER):
        for part in address.partition("?")[2].split("&"):
            name, _, value = part.partition("=")
            if name in _QUERIES and value:
                return unquote_plus(value).strip() or None
    if "i.upmath.me/" in address:
        return unquote(urlsplit(address).path.partition("/")[2].partition("/")[2]).strip() or None
    return None
