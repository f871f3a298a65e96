"""The views, in one table, in the order of the navigation."""

from __future__ import annotations

from pipeline.dashboard.view import View
from pipeline.dashboard.views import failures, funnel, rules, shards, signals

VIEWS: dict[str, View] = {
    view.name: view for view in (funnel.VIEW, signals.VIEW, rules.VIEW, failures.VIEW, shards.VIEW)
}
