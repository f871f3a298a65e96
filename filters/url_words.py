"""Words in the address of a page as RefinedWeb scores them, and the sources that RefinedWeb leaves to curated corpora.

Hard words drop a page as whole words; strict parts anywhere in the address, `-`, `.` and all other separators
ignored; soft words if there are two different ones. Words are what stands between characters other than ASCII letters
and digits, in lower case. The default lists are those that datatrove carries; others are named by path. The filter
`url` applies the same lists exactly as datatrove does (it compares whole words as they are written).
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np

from filters.batch import Batch
from filters.blocklist import host_and_address
from filters.types import Count, FilterSpec, Rule, Signal

Array = np.ndarray[Any, Any]

SOURCE = "RefinedWeb appendix G.1; DCLM's reproduction of its address rules"

# Sources of curated corpora (RefinedWeb appendix G.1.3), the domains of Stack Exchange's sites one by one. Hosts below
# them are of the source too.
CURATED = frozenset(
    {
        "arxiv.org",
        "askubuntu.com",
        "courtlistener.com",
        "en.wikipedia.org",
        "exporter.nih.gov",
        "github.com",
        "irclogs.ubuntu.com",
        "mathoverflow.net",
        "ncbi.nlm.nih.gov",
        "news.ycombinator.com",
        "reddit.com",
        "serverfault.com",
        "stackapps.com",
        "stackexchange.com",
        "stackoverflow.com",
        "statmt.org",
        "superuser.com",
        "uspto.gov",
    }
)


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many hits drop a page (null: off), and lists under `lists:` of kind words instead of datatrove's."""

    min_hard: Count | None = 1
    min_strict: Count | None = 1
    min_soft: Count | None = 2
    drop_curated: bool = False  # RefinedWeb: yes; DCLM: no
    hard: str | None = None
    strict: str | None = None
    soft: str | None = None


_COLUMNS = {
    "hard": ("words", "different hard words that are whole words of the address"),
    "strict": ("words", "different strict words anywhere in the address, separators ignored"),
    "soft": ("words", "different soft words that are whole words of the address"),
    "curated_source": ("0 or 1", "the host is that of a source of curated corpora"),
}


def signals(settings: Settings) -> list[Signal]:
    """The measured columns."""
    return [Signal(f"url_words_{name}", *texts, SOURCE) for name, texts in _COLUMNS.items()]


def rules(settings: Settings) -> list[Rule]:
    """The rules, in RefinedWeb's order."""
    curated = 1 if settings.drop_curated else None
    thresholds = (settings.min_hard, settings.min_strict, settings.min_soft, curated)
    return [
        Rule(name, f"url_words_{name}", ">=", threshold, SOURCE)
        for name, threshold in zip(_COLUMNS, thresholds, strict=True)
    ]


def measure(batch: Batch, settings: Settings, assets: Mapping[str, Any]) -> dict[str, Array]:
    """Hits of each address in each list."""
    hard = _words(assets, settings.hard) if settings.hard else assets["url_lists"].banned_words
    soft = _words(assets, settings.soft) if settings.soft else assets["url_lists"].soft_words
    strict = _words(assets, settings.strict) if settings.strict else assets["url_lists"].subwords
    split = [_separated(url) for url in batch.urls]
    words = [set(parts) for parts in split]
    plain = ["".join(parts) for parts in split]
    found = {
        "hard": [len(present & hard) for present in words],
        "strict": [sum([part in address for part in strict]) for address in plain],
        "soft": [len(present & soft) for present in words],
        "curated_source": [_is_curated(host_and_address(url)[0]) for url in batch.urls],
    }
    return {f"url_words_{name}": np.asarray(values, np.int64) for name, values in found.items()}


_OTHERS = bytes(byte if byte < 128 and chr(byte).isalnum() else 32 for byte in range(256))


def _separated(url: str) -> list[str]:
    return url.encode("utf-8", "replace").translate(_OTHERS).decode("ascii").lower().split()


def _words(assets: Mapping[str, Any], name: str) -> frozenset[str]:
    return _plain(assets[f"lists.{name}"].words(""))


@functools.lru_cache(maxsize=16)
def _plain(words: tuple[str, ...]) -> frozenset[str]:
    """Words as they are compared: in lower case, letters and digits alone."""
    return frozenset("".join(_separated(word)) for word in words if not word.startswith("#")) - {""}


def _is_curated(host: str) -> bool:
    labels = host.split(".")
    return any(".".join(labels[i:]) in CURATED for i in range(max(len(labels) - 4, 0), len(labels) - 1))


def needed(settings: Settings) -> tuple[str, ...]:
    """Lists by path, and datatrove's where none is named."""
    named = [name for name in (settings.hard, settings.strict, settings.soft) if name]
    return (*(f"lists.{name}" for name in named), *(("url_lists",) if len(named) < 3 else ()))


SPEC = FilterSpec(
    name="url_words",
    version=1,
    settings=Settings,
    signals=signals,
    rules=rules,
    measure=measure,
    assets=needed,
    thresholds=frozenset({"min_hard", "min_strict", "min_soft", "drop_curated"}),
)
