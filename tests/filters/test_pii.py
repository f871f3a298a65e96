"""What is found and what is left alone, kind by kind, by hand."""

from __future__ import annotations

import json
import string
from itertools import pairwise
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filters.pii import (
    EMAIL,
    IP,
    IPV6,
    KINDS,
    PHONE,
    Settings,
    apply,
    find,
    mask,
    masked,
    replacement,
    resolved,
)
from tests.growth import assert_linear

ALL = Settings(mask=("emails", "ips", "phones"))
EVERYTHING = Settings(mask=KINDS, style="tags")


def masked_text(text: str, values: Settings = ALL) -> str:
    found: str = mask(pa.array([text]), values)[0][0].as_py()
    return found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("write to jane.doe+x@mail.co.uk.", f"write to {EMAIL}."),
        ("<a.b_c@d-e.org>, O'Neil@x.ie", f"<{EMAIL}>, {EMAIL}"),
        ("josé@café.fr, иван@почта.рф", f"{EMAIL}, {EMAIL}"),
        ("邮箱abc@x.com", f"邮箱{EMAIL}"),
        ("ends in a@b.com.Then it goes on", f"ends in {EMAIL}.Then it goes on"),
        ("rob (at) photo (dot) com, info[at]school[dot]org", f"{EMAIL}, {EMAIL}"),
        ("look (at) this, see [at] home", None),
        ("already email@example.com and you@example.org", f"already email@example.com and {EMAIL}"),
        ("FineWeb's firstname.lastname@example.org and 126.96.36.199", None),
        ("not@local, @handle, a@b, x@y.z1, logo@2x.png", None),
        ("server 8.8.8.8 and 8.8.4.4:53 (1.1.1.1/24).", f"server {IP} and {IP}:53 ({IP}/24)."),
        ("private 10.0.0.1 192.168.1.1 172.31.0.1 127.0.0.1", None),
        ("172.32.0.1", IP),
        ("reserved 192.0.2.1 203.0.113.9 224.0.0.1 100.64.1.1", None),
        ("v1.2.3.4, version 1.2.3.4, tool-9.8.7.6.tar, 9.8.7.6-beta", None),
        ("versions 81.52.63.74, 82.52.63.74 and 83.52.63.74", None),
        ("Chrome/58.60.70.110 but http://58.60.70.110/", f"Chrome/58.60.70.110 but http://{IP}/"),
        ("TubeToolbox 3.0.5.3 cracked, but IP 3.0.5.3", f"TubeToolbox 3.0.5.3 cracked, but IP {IP}"),
        ("4.2.1.3 Scope\n4.2.1.4 Terms", None),
        ("256.1.1.1, 1.2.3, 1.2.3.4.5, 01.02.03.04, 8.8.8.8x", None),
        (
            "from 2a00:1450:4009:81f::200e and 6e40:4041:c617:e898:c11:40d2:c669:2eb4.",
            f"from {IPV6} and {IPV6}.",
        ),
        ("[2606:4700:4700::1111]:443, 2001:4860:4860::8888: up", f"[{IPV6}]:443, {IPV6}: up"),
        ("fe80::1 ::1 2001:db8::1 fd00:1234:5678::1 64:ff9b::1 2001::", None),
        ("12:30:45, 2012:05:17 12:30, 00:1a:2b:3c:4d:5e, 20:1a:2b:3c:4d:5e:6f:70, std::vector", None),
        ("43:51:43:a1:b5:fc:8b:b7:0a:3a:a9:b1:0f:66:73:a8 3333:4444::x 2a00:1450:zz::1", None),
        ("", None),
    ],
)
def test_emails_and_addresses_by_hand(text: str, expected: str | None) -> None:
    assert masked_text(text) == (text if expected is None else expected)


def test_the_default_masks_what_fineweb_masks_and_counts_all() -> None:
    texts = pa.array(
        ["a@b.org c@d.org 9.9.9.9", None, "", "Tel: 212-736-5000, SSN 219-45-1123"], pa.large_string()
    )
    done = apply(texts, Settings())
    assert done.texts.type == pa.large_string()
    assert done.texts.to_pylist() == [f"{EMAIL} {EMAIL} {IP}", None, "", "Tel: 212-736-5000, SSN 219-45-1123"]
    found = {kind: numbers.tolist() for kind, numbers in done.found.items() if numbers.any()}
    assert found == {
        "emails": [2, 0, 0, 0],
        "ips": [1, 0, 0, 0],
        "phones": [0, 0, 0, 1],
        "ssns": [0, 0, 0, 1],
    }
    assert {kind: numbers.tolist() for kind, numbers in done.masks.items()} == {
        "emails": [2, 0, 0, 0],
        "ips": [1, 0, 0, 0],
    }
    assert set(done.found) == set(KINDS)
    twice = mask(pa.chunked_array([texts, texts]), Settings())
    assert twice[0].to_pylist() == done.texts.to_pylist() * 2
    assert mask(pa.array([], pa.string()), Settings())[0].to_pylist() == []


def test_spans_are_places_in_the_masked_text() -> None:
    texts = pa.array(["a@b.org, SSN 219-45-1123, then 9.9.9.9 and c@d.org", None, "nothing"])
    done = apply(texts, Settings(style="tags"))
    text = done.texts[0].as_py()
    assert text == "<EMAIL>, SSN 219-45-1123, then <IP> and <EMAIL>"
    spans = done.spans.to_pylist()
    assert [(one["kind"], text[one["start"] : one["end"]], one["masked"]) for one in spans[0]] == [
        ("emails", "<EMAIL>", True),
        ("ssns", "219-45-1123", False),
        ("ips", "<IP>", True),
        ("emails", "<EMAIL>", True),
    ]
    assert spans[1:] == [None, []]


@pytest.mark.parametrize(
    ("style", "expected"),
    [
        ("fineweb", "email@example.com, 22.214.171.124, 2001:db8::1, +1-202-555-0100, 000-00-0000"),
        (
            "dolma",
            " |||EMAIL_ADDRESS||| ,  |||IP_ADDRESS||| ,  |||IP_ADDRESS||| ,  |||PHONE_NUMBER||| ,  |||US_SSN||| ",
        ),
        ("tags", "<EMAIL>, <IP>, <IP>, <PHONE>, <US_SSN>"),
    ],
)
def test_styles(style: str, expected: str) -> None:
    text = "a@b.org, 9.9.9.9, 2a00:1450:4009:81f::200e, +44 20 7946 0958, 219-45-1123"
    values = Settings(mask=KINDS, style=style)  # type: ignore[arg-type]
    assert masked_text(text, values) == expected
    assert masked_text(expected, values) == expected
    assert replacement("cards", values.style).strip(" <>|") in ("CREDIT_CARD", "0000-0000-0000-0000")


@pytest.mark.parametrize("style", ["fineweb", "dolma", "tags"])
@pytest.mark.parametrize("kind", KINDS)
def test_no_mask_is_found_again(kind: str, style: str) -> None:
    mark = replacement(kind, style)  # type: ignore[arg-type]
    for around in ("{}", "Tel: {}", "card {}", "SSN {}", "ip {},", "({})", "api_key = '{}'", "{} {}"):
        assert find(around.replace("{}", mark)) == []


def test_each_kind_can_be_masked_or_left_alone() -> None:
    text = "a@b.org 9.9.9.9 212-736-5000"
    assert masked_text(text, Settings(emails=False)) == f"a@b.org {IP} 212-736-5000"
    assert masked_text(text, Settings(ips=False)) == f"{EMAIL} 9.9.9.9 212-736-5000"
    assert masked_text(text, Settings(phones=True)) == f"{EMAIL} {IP} {PHONE}"
    assert masked_text(text, Settings(mask=("phones",))) == f"a@b.org 9.9.9.9 {PHONE}"
    assert masked_text(text, Settings(mask=())) == text


def test_settings_that_mean_the_same_are_the_same() -> None:
    same = [Settings(phones=True), Settings(mask=("phones", "emails", "ips")), ALL]
    assert [masked(one) for one in same] == [("emails", "phones", "ips")] * 3
    assert len({json.dumps(resolved(one)) for one in same}) == 1
    assert resolved(Settings(phones=False)) == resolved(Settings())
    assert resolved(Settings(style="tags")) != resolved(Settings())


def test_what_is_found_says_where_and_what_it_is() -> None:
    text = "mail a@b.org, IPv6 2a00:1450:4009:81f::200e, visa 4111 1111 1111 1111"
    found = find(text)
    assert [(one.kind, one.detail) for one in found] == [("emails", ""), ("ips", "v6"), ("cards", "visa")]
    assert all(text[one.start : one.end] == one.value for one in found)
    assert find(text, ("ips",)) == found[1:2]


PARTS = st.one_of(
    st.sampled_from(
        ["a@b.org", "9.9.9.9", "212-736-5000", "(212) 736-5000", "+44 20 7946 0958", EMAIL, IP, IPV6, PHONE, "tel",
         "fax: ", "2a00:1450:4009::1", "call me on ", "office", "(fax)", "a1b2", "219-45-1123", "4111111111111111",
         "GB82 WEST 1234 5698 7654 32", "card ", "SSN ", "00:1a:2b:3c:4d:5e", "<EMAIL>", "|||", "AKIAIOSFODNN7EXAMPLE",
         "0494 92 82 32", "529.982.247-25", " or ", "nhs 943 476 5919",
         ".", "-", " ", "(", ")", "+", "@", "1", "212", "x", "/", ":", "\n", "v", "é"]
    ),
    st.text(string.digits + " .-()", max_size=6),
)  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(st.lists(PARTS, max_size=12).map("".join), st.sampled_from(["fineweb", "dolma", "tags"]))
def test_masking_again_changes_nothing(text: str, style: str) -> None:
    values = Settings(mask=KINDS, style=style)  # type: ignore[arg-type]
    once = apply(pa.array([text]), values)
    twice = apply(once.texts, values)
    assert twice.texts.to_pylist() == once.texts.to_pylist()
    assert all(numbers.tolist() == [0] for numbers in twice.found.values())
    result = once.texts[0].as_py()
    for one in once.spans.to_pylist()[0]:
        assert one["masked"]
        mark = result[one["start"] : one["end"]]
        assert mark in (replacement(one["kind"], values.style), replacement(one["kind"], values.style, "v6"))


@settings(max_examples=50, deadline=None)
@given(st.lists(st.lists(PARTS, max_size=6).map("".join), max_size=5))
def test_rows_are_independent(texts: list[str]) -> None:
    assert mask(pa.array(texts, pa.string()), ALL)[0].to_pylist() == [masked_text(text) for text in texts]


@settings(max_examples=200, deadline=None)
@given(st.lists(PARTS, max_size=12).map("".join))
def test_finds_do_not_overlap_and_lie_in_the_text(text: str) -> None:
    found = find(text)
    assert all(text[one.start : one.end] == one.value for one in found)
    assert all(one.end <= two.start for one, two in pairwise(found))


@pytest.mark.parametrize(
    "unit",
    ["a-", "a.", "1.1.1.", "aB3+/", "x@a-", "+1 ", "(212) ", "1-", "2a00:", "2a00::1:", "tel ", "1 fax: ", "tel\n",
     "a@", "a@a.", "@", "9", "12 34 ", "4111 1111 1111 1111 ", "0494 92 82 32 ", "GB82 WEST ", "00:1a:", "nhs 943 ",
     "eyJ", "sk-a1", "-----BEGIN PRIVATE KEY-----", "api_key=a1", "1 (at) ", "+44 20 7946 0958 "],
)  # fmt: skip
def test_hostile_text_takes_linear_time(unit: str) -> None:
    def work(count: int) -> None:
        masked_text(unit * count, EVERYTHING)

    assert_linear(work, 1500)


def test_precision_and_recall_on_a_labelled_set(data_dir: Path) -> None:
    from benchmarks.pii import LABELS, labelled

    scores = labelled(data_dir / "pii" / "synth_dataset_v2.json", verbose=False)
    assert set(scores) == set(LABELS)
    for kind, (precision, recall) in scores.items():
        assert precision >= 0.97, kind
        assert recall >= 0.97, kind
