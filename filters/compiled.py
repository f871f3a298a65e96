"""Compiles a loop to machine code for stated types, and remembers it on disk where that is possible.

Stated types make the compiled code the same for every caller, so that a worker finds it in numba's cache (beside the
source, or in the user's cache folder where that cannot be written) in milliseconds instead of compiling for seconds.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba


def compiled(signature: str, *, bare: bool = False) -> Callable[[Callable[..., Any]], Any]:
    """A decorator that compiles a function for one signature.

    `bare` is for functions that make no arrays and are called by others many times: references to their arrays are
    not counted, which would cost some 30 ns a call.
    """
    options: dict[str, Any] = {"_nrt": False} if bare else {}

    def compile_function(function: Callable[..., Any]) -> Any:
        try:
            return numba.njit(signature, cache=True, **options)(function)
        except RuntimeError:  # no folder for the cache can be written
            return numba.njit(signature, **options)(function)

    return compile_function
