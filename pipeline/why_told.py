"""A document's story in words: the same on a terminal and on a page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal

from pipeline.comparison import signal_compared
from pipeline.show import show_text

Mark = Literal["DROPS", "spared", "ok", "-"]
Line = tuple[str, str]
_OWN = ("canonical", "license", "opt_out")
_LINES = 20  # numbers of cut lines that are listed


def lines(story: Mapping[str, Any]) -> Iterator[Line]:
    """What is said of a document, (label, words) each, but for its address, rules and text. Nothing in it acts."""
    record = story["record"]
    if record["warc_file"]:
        place = f"{show_text(record['warc_file'])}, bytes {record['warc_offset']} + {record['warc_length']}"
        yield "record", f"{place}, crawled {show_text(record['date'])}"
    yield "fate", str(story["fate"]) + (f": {show_text(story['reason'])}" if story.get("reason") else "")
    if story.get("screened"):
        yield "screened", f"by {story['screened']} after a cheap look: its main text was not extracted"
    if failed := story.get("failed"):
        yield "failed", f"{show_text(failed['kind'])}: {show_text(failed['message'], 300)}"
    yield from _copies(story)
    for name in _OWN:
        if record.get(name):
            yield name.replace("_", "-"), show_text(record[name], 300)
    if (language := story.get("language")) and language["language"]:
        yield "language", f"{show_text(language['language'])} ({language['score']:.2f})"
    if "domain" in story:
        masked = ", ".join(f"{name} {number}" for name, number in story["masked"].items() if number)
        yield "domain", show_text(story["domain"] or "-") + (f"; masked {masked}" if masked else "")
    if at := story.get("tokens"):
        yield "tokens", f"{at['split']}, shard {at['shard']}, {at['length']} tokens from {at['offset']}"
    for one in story.get("contamination", []):
        what = f"{show_text(one['benchmark'])} {show_text(one['item'])} ({one['kind']}, {one['score']:.2f})"
        little = "" if one["counts"] else ", too little to count"
        yield "contains", f"{what} at {one['start']}-{one['end']}{little}: {show_text(one['text'], 120)}"


def _copies(story: Mapping[str, Any]) -> Iterator[Line]:
    if one := story.get("duplicate"):
        alike = "" if one["similarity"] is None else f", similarity {one['similarity']:.2f}"
        original = "several documents" if one["duplicate_of"] is None else show_text(one["duplicate_of"])
        yield "duplicate", f"of {original} ({one['kind']}{alike})"
    if one := story.get("lines_cut"):
        shown = ", ".join(map(str, one["lines"][:_LINES])) + (", ..." if len(one["lines"]) > _LINES else "")
        yield "lines cut", f"{shown} ({one['characters']} characters stand in other documents)"
    if one := story.get("cluster"):
        number = f"{one['documents']:,} document{'s' if one['documents'] > 1 else ''}"
        yield "cluster", f"stands for {number} of the cluster {show_text(one['id'])}"


def mark(rule: Mapping[str, Any]) -> Mark:
    """What a rule does to the document; `-`: it was not measured."""
    if rule["failed"]:
        return "DROPS"
    if rule["excused"]:
        return "spared"
    return "-" if rule["value"] is None else "ok"


def value_of(rule: Mapping[str, Any]) -> str:
    """The measured value."""
    value = rule["value"]
    if value is None:
        return "-"
    return f"{value:.4g}" if isinstance(value, float) else show_text(value)


def drops_when(rule: Mapping[str, Any]) -> str:
    """The rule's threshold, and its condition if it has one."""
    said = "measured only"
    if rule["threshold"] is not None:
        said = f"drops when {signal_compared(rule['signal'], rule['drop_when'], rule['threshold'])}"
    return said + (f" ({show_text(rule['condition'], 200)})" if rule["condition"] else "")


def printed(story: Mapping[str, Any]) -> Iterator[str]:
    """The whole story as lines for a terminal."""
    yield f"{show_text(story['id'])}  {show_text(story['url'], 300)}"
    for label, words in lines(story):
        yield f"{label:<11} {words}"
    for rule in story.get("rules", []):
        yield f"  {mark(rule):<6} {rule['rule']:<38} {value_of(rule):>12}   {drops_when(rule)}"
    if story.get("text"):
        yield f"text        {show_text(story['text'], 600)}"
