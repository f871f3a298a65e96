"""What a recipe's section `pii` says."""

from __future__ import annotations

from typing import Any

import msgspec

from filters.pii.kinds import KINDS, Kind, Style


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which kinds are masked, and how the masks look. Every kind is counted, masked or not.

    The default is FineWeb's: e-mail and public IP addresses. `emails`, `ips` and `phones` are short for adding that
    kind to `mask` (true) or taking it out (false).
    """

    mask: tuple[Kind, ...] = ("emails", "ips")
    style: Style = "fineweb"
    emails: bool | None = None
    ips: bool | None = None
    phones: bool | None = None


def masked(settings: Settings) -> tuple[Kind, ...]:
    """The kinds that are masked, in the order of `KINDS`."""
    said: dict[str, bool | None] = {
        "emails": settings.emails,
        "ips": settings.ips,
        "phones": settings.phones,
    }
    return tuple(
        kind for kind in KINDS if (kind in settings.mask if said.get(kind) is None else bool(said[kind]))
    )


def resolved(settings: Settings) -> dict[str, Any]:
    """What the masked text depends on, the same for settings that mean the same: for a stage's fingerprint."""
    return {"mask": list(masked(settings)), "style": settings.style}
