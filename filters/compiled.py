"""Compiles a loop to machine code for stated types, and remembers it on disk where that is possible.

Stated types make the compiled code the same for every caller, so that a worker finds it in numba's cache (beside the
source, or in the user's cache folder where that cannot be written) in milliseconds instead of compiling for seconds.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba


def compiled(signature: str) -> Callable[[Callable[..., Any]], Any]:
    """A decorator that compiles a function for one signature."""

    def compile_function(function: Callable[..., Any]) -> Any:
        try:
            return numba.njit(signature, cache=True)(function)
        except RuntimeError:  # no folder for the cache can be written
            return numba.njit(signature)(function)

    return compile_function
