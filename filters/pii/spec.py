"""The filter `pii`: how much personal data a document has, and Dolma's rule that drops those with too much of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np

from filters.batch import Batch
from filters.pii.finding import find
from filters.pii.kinds import KINDS, Kind
from filters.types import Count, FilterSpec, Rule, Signal, Span

SOURCE = "Dolma (Soldaini et al. 2024) 3.1.3, E.2"
_HITS: tuple[Kind, ...] = ("emails", "phones", "ips")  # what Dolma counts
_WHAT = {
    "emails": "e-mail addresses",
    "phones": "telephone numbers",
    "ips": "public IPv4 and IPv6 addresses",
    "cards": "payment card numbers (issuer and Luhn)",
    "ibans": "bank account numbers (ISO 13616)",
    "ssns": "United States social security numbers",
    "national_ids": "identity, insurance and tax numbers of 35 countries, by form, check digits and words",
    "api_keys": "API keys and tokens",
    "private_keys": "private keys in PEM blocks",
    "wallets": "addresses of crypto wallets",
    "macs": "hardware addresses",
}


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """More hits than `max_hits` drop a document; null: measured only. Dolma: 5."""

    max_hits: Count | None = None


def signals(settings: Settings) -> list[Signal]:
    """A count a kind, and Dolma's sum."""
    own = [Signal(f"pii_{kind}", "pieces", _WHAT[kind], "filters/pii") for kind in KINDS]
    return [
        *own,
        Signal("pii_hits", "pieces", "e-mail addresses, telephone numbers and IP addresses", SOURCE),
    ]


def rules(settings: Settings) -> list[Rule]:
    """Dolma's rule."""
    return [Rule("hits", "pii_hits", ">", settings.max_hits, SOURCE)]


def measure(batch: Batch, settings: Settings, assets: Mapping[str, Any]) -> dict[str, np.ndarray[Any, Any]]:
    """All counts."""
    from filters.pii.masking import count

    found = {f"pii_{kind}": numbers for kind, numbers in count(batch.arrow).items()}
    hits = found["pii_emails"] + found["pii_phones"] + found["pii_ips"]
    return {**found, "pii_hits": hits}


def spans(text: str, rule: str, settings: Settings) -> list[Span]:
    """Where the hits are."""
    return [(one.start, one.end) for one in find(text, _HITS)] if rule == "hits" else []


SPEC = FilterSpec(
    name="pii",
    version=1,
    settings=Settings,
    signals=signals,
    rules=rules,
    measure=measure,
    spans=spans,
    thresholds=frozenset({"max_hits"}),
)
