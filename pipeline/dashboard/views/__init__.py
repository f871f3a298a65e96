"""The views, in one table, in the order of the navigation."""

from __future__ import annotations

from pipeline.dashboard.view import View
from pipeline.dashboard.views import (
    compare,
    duplicates,
    failures,
    funnel,
    mix,
    rules,
    samples,
    shards,
    signals,
    training,
    why,
)

_ORDERED = (funnel, signals, rules, samples, why, duplicates, failures, shards, mix, training, compare)

VIEWS: dict[str, View] = {one.VIEW.name: one.VIEW for one in _ORDERED}
