"""Bytes to text: labels, marks, metas, detection, and nothing that Arrow or a terminal would choke on."""

from __future__ import annotations

import codecs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.charset import charset_parameter, decode, encoding_of, prescan, valid

RUSSIAN = "Все люди рождаются свободными и равными в своем достоинстве и правах. " * 5
JAPANESE = "すべての人間は、生まれながらにして自由であり、かつ、尊厳と権利とについて平等である。" * 5
CHINESE = "人人生而自由,在尊严和权利上一律平等。他们赋有理性和良心,并应以兄弟关系的精神相对待。" * 5
FRENCH = "Tous les êtres humains naissent libres et égaux en dignité et en droits. " * 5


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("utf8", "utf-8"),
        (" UTF-8 ", "utf-8"),
        ("iso-8859-1", "windows-1252"),
        ("latin1", "windows-1252"),
        ("us-ascii", "windows-1252"),
        ("gb2312", "gbk"),
        ("gb18030", "gb18030"),
        ("sjis", "shift_jis"),
        ("x-sjis", "shift_jis"),
        ("ks_c_5601-1987", "euc-kr"),
        ("tis-620", "windows-874"),
        ("iso-8859-9", "windows-1254"),
        ("x-mac-cyrillic", "x-mac-cyrillic"),
        ("utf-16", "utf-16le"),
        ("cp1251", "windows-1251"),
        ("koi8-r", "koi8-r"),
        ("utf-7", None),
        ("unicode_escape", None),
        ("no-such-thing", None),
        ("x" * 10_000, None),
        ("", None),
        (None, None),
    ],
)
def test_labels_mean_what_browsers_take_them_for(label: str | None, name: str | None) -> None:
    assert encoding_of(label) == name


@pytest.mark.parametrize(
    ("content_type", "label"),
    [
        ("text/html; charset=UTF-8", "utf-8"),
        ('text/html; charset="windows-1251"; x=y', "windows-1251"),
        ("text/html;charset = koi8-r ;", "koi8-r"),
        ("text/html; charset=", None),
        ("text/html", None),
        (None, None),
    ],
)
def test_charset_of_a_content_type(content_type: str | None, label: str | None) -> None:
    assert charset_parameter(content_type) == label


@pytest.mark.parametrize(
    ("head", "name"),
    [
        (b'<meta charset="koi8-r">', "koi8-r"),
        (b"<META CHARSET = windows-1251 />", "windows-1251"),
        (b'<meta http-equiv="Content-Type" content="text/html; charset=gb2312">', "gbk"),
        (b"<?xml version='1.0' encoding='ISO-8859-2'?><html>", "iso-8859-2"),
        (b'<!-- <meta charset="koi8-r"> --><meta charset=big5>', "big5"),
        (b'<meta charset="utf-16">', "utf-8"),
        (b'<meta charset="nonsense"><meta charset="euc-jp">', "euc-jp"),
        (b"<!-- never closed <meta charset=koi8-r>", None),
        (b"<title>charset=koi8-r</title>", None),
        (b" " * 5000 + b'<meta charset="koi8-r">', None),
    ],
)
def test_prescan(head: bytes, name: str | None) -> None:
    assert prescan(b"<html><head>" + head) == name


@pytest.mark.parametrize(
    ("text", "codec"),
    [
        (RUSSIAN, "cp1251"),
        (RUSSIAN, "koi8-r"),
        (JAPANESE, "shift_jis"),
        (JAPANESE, "euc_jp"),
        (CHINESE, "gb18030"),
        (CHINESE, "big5hkscs"),
        (FRENCH, "cp1252"),
        (RUSSIAN + JAPANESE, "utf-8"),
    ],
)
def test_each_way_of_declaring_and_none(text: str, codec: str) -> None:
    text = text.encode(codec, "replace").decode(codec)
    label = {"big5hkscs": "big5"}.get(codec, codec)
    body = text.encode(codec)
    assert decode(body, label).text == text
    assert decode(f'<meta charset="{label}">'.encode() + body).text.endswith(text)
    if codec != "big5hkscs":  # too many question marks stand in for simplified characters here
        found = decode(body)
        assert (found.text, found.source, found.replaced) == (text, "detected", 0)


def test_order_of_precedence() -> None:
    page = b'<meta charset="windows-1251">' + RUSSIAN.encode("koi8-r")
    assert decode(page, "koi8-r").source == "http"
    assert decode(page, "no-such-thing").source == "meta"
    marked = codecs.BOM_UTF8 + RUSSIAN.encode()
    assert (decode(marked, "windows-1251").source, decode(marked, "windows-1251").text) == ("bom", RUSSIAN)


def test_labels_that_the_bytes_contradict() -> None:
    found = decode(RUSSIAN.encode(), "windows-1252")
    assert (found.text, found.encoding, found.source) == (RUSSIAN, "utf-8", "utf-8")
    found = decode(FRENCH.encode("latin-1"), "utf-8")
    assert (found.text, found.replaced) == (FRENCH, 0)
    assert decode(b"<html>" + FRENCH.encode(), "utf-16").text == "<html>" + FRENCH


@pytest.mark.parametrize(
    ("codec", "mark"), [("utf-16-le", codecs.BOM_UTF16_LE), ("utf-16-be", codecs.BOM_UTF16_BE)]
)
def test_utf_16(codec: str, mark: bytes) -> None:
    assert decode(mark + RUSSIAN.encode(codec)).text == RUSSIAN
    assert decode(("<p>" + FRENCH).encode(codec), codec).text == "<p>" + FRENCH


def test_what_does_not_decode_is_counted() -> None:
    found = decode(b"caf\xff" + b"x" * 6 + "é".encode() * 5, "utf-8")
    assert found.text == "caf\ufffdxxxxxxééééé"
    assert found.replaced == pytest.approx(1 / 15)


def test_no_nul_and_no_lone_surrogate() -> None:
    assert decode(b"a\0b\0", "utf-8").text == "ab"
    assert valid("a\ud800b\udc00\0c") == "a\ufffdb\ufffdc"
    assert valid("\ud83d\ude00") == "😀"
    lone = b"\xff\xfe" + b"\x00\xd8" + "x".encode("utf-16-le")
    assert decode(lone).text == "\ufffdx"


@given(
    st.binary(max_size=300),
    st.sampled_from([None, "utf-8", "utf-16", "gbk", "shift_jis", "iso-2022-jp", "big5", "x"]),
)
def test_any_bytes_become_valid_text(data: bytes, label: str | None) -> None:
    found = decode(data, label)
    found.text.encode("utf-8")
    assert "\0" not in found.text
    assert 0 <= found.replaced <= 1
