"""Imports the filters of datatrove, and users' own of its interface, that `filters/foreign.py` calls.

A recipe that names a class runs that class's code: recipes are as trusted as programs, data never is.
"""

from __future__ import annotations

import hashlib
import importlib
import inspect
from importlib.metadata import version
from typing import Any

import msgspec

from filters.foreign import ASSET, Use
from pipeline.errors import UsageError, nearest
from pipeline.show import show_text

_SHIPPED = "datatrove.pipeline.filters"


def is_foreign(asset: str) -> bool:
    """Whether an asset is a filter of datatrove's interface."""
    return asset.startswith(ASSET)


def load(asset: str) -> Any:
    """The filter object; UsageError if there is no such class or it does not take the arguments."""
    use = _use(asset)
    try:
        return _class(use)(**use.arguments)
    except UsageError:
        raise
    except Exception as error:
        raise UsageError(f"datatrove filter {show_text(use.filter)}: {show_text(str(error), 300)}") from None


def digest(asset: str) -> str:
    """A digest of the class's source and of datatrove's version; the arguments are in the asset's name."""
    try:
        source = inspect.getsource(inspect.getmodule(_class(_use(asset))) or _class(_use(asset)))
    except (OSError, TypeError):
        source = ""
    return hashlib.sha256(f"{version('datatrove')}\n{source}".encode()).hexdigest()


def _use(asset: str) -> Use:
    return msgspec.json.decode(asset.removeprefix(ASSET), type=Use)


def _class(use: Use) -> Any:
    module, _, name = use.filter.rpartition(".")
    try:
        found = importlib.import_module(module or _SHIPPED)
    except Exception as error:  # whatever the user's module raises
        raise UsageError(f"datatrove filter {show_text(use.filter)}: {show_text(str(error), 300)}") from None
    if not hasattr(found, name):
        known = [one for one in dir(found) if one.endswith("Filter")]
        raise UsageError(f"{found.__name__} has no filter {show_text(name)}{nearest(name, known)}")
    return getattr(found, name)
