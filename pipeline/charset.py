"""Bytes of a page to valid Unicode, the encoding found and named as the WHATWG Encoding Standard says.

Order: byte order mark, charset of the HTTP header, `<meta>` in the first bytes, then detection (uchardet, through
resiliparse). Labels are mapped as browsers map them (`iso-8859-1` means windows-1252, `gb2312` gb18030, ...). One step
is added: a declared encoding that the bytes contradict loses to UTF-8 if they are valid UTF-8, and to the detector if
what it names decodes them with far fewer errors.
"""

from __future__ import annotations

import codecs

import msgspec
from resiliparse.parse.encoding import detect_encoding, map_encoding_to_html5

REPLACEMENT = "\ufffd"
PRESCAN_BYTES = 4096  # browsers look at 1024; some real pages say it later
DETECT_BYTES = 1 << 16
_MOST_REPLACED = 0.001  # of the characters: beyond it a declared encoding is doubted

# Python's codec for the encodings that it names otherwise, or of which it knows a smaller one under the same name.
_CODECS = {
    "gbk": "gb18030",
    "big5": "big5hkscs",
    "shift_jis": "cp932",
    "euc-kr": "cp949",
    "windows-874": "cp874",
    "iso-8859-8-i": "iso-8859-8",
    "macintosh": "mac-roman",
    "x-mac-cyrillic": "mac-cyrillic",
    "utf-16le": "utf-16-le",
    "utf-16be": "utf-16-be",
}
# The standard's names for what the label table of resiliparse calls by Python's.
_NAMES = {
    "euc_jp": "euc-jp",
    "euc_kr": "euc-kr",
    "iso2022_jp": "iso-2022-jp",
    "iso8859-11": "windows-874",
    "cp866": "ibm866",
    "mac-roman": "macintosh",
    "utf-16-le": "utf-16le",
    "utf-16-be": "utf-16be",
}
_MORE_LABELS = {
    "x-mac-cyrillic": "x-mac-cyrillic",
    "x-mac-ukrainian": "x-mac-cyrillic",
    "iso-8859-8-i": "iso-8859-8-i",
    "csiso88598i": "iso-8859-8-i",
    "logical": "iso-8859-8-i",
}
_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16le"), (codecs.BOM_UTF16_BE, "utf-16be"))
_MULTIBYTE = ("gbk", "gb18030", "big5", "euc-jp", "shift_jis", "euc-kr", "iso-2022-jp")


class Decoded(msgspec.Struct, frozen=True, kw_only=True):
    """`text` has no lone surrogate and no NUL. `replaced` is the share of its characters that are U+FFFD.

    `source` says what named the encoding: `bom`, `http`, `meta`, `detected` or `utf-8` (valid UTF-8 against its label).
    """

    text: str
    encoding: str
    source: str
    replaced: float


def encoding_of(label: str | None) -> str | None:
    """The WHATWG name (lower case) of the encoding that a label stands for; None for labels the standard lacks.

    None, too, for the labels of `replacement` (such as `iso-2022-kr`), of which a browser shows nothing for safety's
    sake, and for `x-user-defined`: what they stand for is left to detection.
    """
    label = (label or "").strip(" \t\r\n\f\"'").lower()
    if not label or len(label) > 40:
        return None
    name = _MORE_LABELS.get(label) or map_encoding_to_html5(label, fallback_utf8=False)
    return _standard(name) if name else None


def _standard(codec: str) -> str:
    name = codec.lower()
    if name in _NAMES:
        return _NAMES[name]
    return name.replace("cp125", "windows-125").replace("iso8859", "iso-8859")


def charset_parameter(content_type: str | None) -> str | None:
    """The value of `charset=` in a Content-Type, or None."""
    _, found, value = (content_type or "").lower().partition("charset")
    value = value.lstrip()
    if not found or not value.startswith("="):
        return None
    value = value[1:].lstrip()
    if value[:1] in ('"', "'"):
        return value[1:].partition(value[0])[0] or None
    return value.replace(",", ";").partition(";")[0].strip() or None


def prescan(data: bytes) -> str | None:
    """The encoding that a `<meta>` near the start of `data` declares (HTML standard, 13.2.3.2), or None."""
    head = data[:PRESCAN_BYTES].lower()
    at = 0
    while (at := head.find(b"<", at)) != -1:
        if head.startswith(b"<!--", at):
            at = head.find(b"-->", at)
            if at == -1:
                return None
            continue
        end = head.find(b">", at)
        tag = head[at : end if end != -1 else len(head)]
        if tag.startswith((b"<meta", b"<?xml")) and (encoding := _declared(tag)):
            return "utf-8" if encoding.startswith("utf-16") else encoding
        at += 1
    return None


def _declared(tag: bytes) -> str | None:
    text = tag.decode("latin-1")
    if text.startswith("<?xml"):
        value = text.partition("encoding")[2].lstrip(" \t=")
        return encoding_of(value[1:].partition(value[0])[0]) if value[:1] in ('"', "'") else None
    words = (charset_parameter(text.replace(">", " ").replace("/", " ")) or "").split()
    return encoding_of(words[0].strip("\"'")) if words else None


def decode(data: bytes, http_charset: str | None = None) -> Decoded:
    """The text of a page, and how it was decoded. Bytes that do not decode become U+FFFD; NULs are dropped."""
    for mark, marked in _BOMS:
        if data.startswith(mark):
            return _decoded(data[len(mark) :], marked, "bom")
    declared: str | None = encoding_of(http_charset)
    source = "http"
    if declared is None or (declared.startswith("utf-16") and b"\0" not in data[:PRESCAN_BYTES]):
        declared, source = prescan(data), "meta"
    if declared is None:
        return _detected(data)
    if declared != "utf-8" and _is_utf8(data, 4 if declared in _MULTIBYTE else 1):
        return _decoded(data, "utf-8", "utf-8")
    result = _decoded(data, declared, source)
    if result.replaced > _MOST_REPLACED and not _mostly_utf8(result):
        other = _detected(data)
        if other.replaced < result.replaced / 4:
            return other
    return result


def _mostly_utf8(result: Decoded) -> bool:
    """Whether what was decoded as UTF-8 has more sound characters beyond ASCII than broken ones."""
    if result.encoding != "utf-8":
        return False
    beyond = len(result.text) - len(result.text.encode("ascii", "ignore"))
    return beyond > 2 * result.text.count(REPLACEMENT)


def _is_utf8(data: bytes, least: int = 1) -> bool:
    """Whether `data` is UTF-8 with `least` continuation bytes or more.

    Text of a one-byte encoding is next to never valid UTF-8; a few characters of a multi-byte one may be.
    """
    if data.isascii():
        return False
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return len(data) - len(text) >= least


def _detected(data: bytes) -> Decoded:
    if data.isascii() or _is_utf8(data):
        return _decoded(data, "utf-8", "detected")
    name = detect_encoding(data, max_len=DETECT_BYTES, from_html_meta=False)
    return _decoded(data, _standard(name or "utf-8"), "detected")


def _decoded(data: bytes, encoding: str, source: str) -> Decoded:
    try:
        text = data.decode(_CODECS.get(encoding, encoding), "replace")
    except LookupError:
        encoding = "utf-8"
        text = data.decode(encoding, "replace")
    replaced = text.count(REPLACEMENT) / len(text) if text else 0.0
    # What Python decodes as UTF-8 has no surrogates; other codecs are not trusted that far.
    text = text.replace("\0", "") if encoding == "utf-8" else valid(text)
    return Decoded(text=text, encoding=encoding, source=source, replaced=replaced)


def valid(text: str) -> str:
    """`text` without NULs, and with U+FFFD for each surrogate that stands alone."""
    if "\0" in text:
        text = text.replace("\0", "")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text
