"""The filter `contamination`: documents that hold items of benchmarks, found three ways and dropped or cut.

Which items there are comes loaded (`Benchmarks`); where each of them stands in which document is a column, so that a
report names benchmark, item and place.
"""

from __future__ import annotations

from filters.contamination.items import Benchmarks, Item
from filters.contamination.spec import SPEC

__all__ = ["SPEC", "Benchmarks", "Item"]
