"""A batch of texts with everything that several filters need found once: code points, chunks, lines, words.

Filters ask for parts by name; each part is made at first use and kept as long as the batch. A change of text makes
a new batch, so that nothing measured on the old text can be taken for the new one.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import pyarrow as pa

from filters.text.words import Words, WordSplitter

if TYPE_CHECKING:
    from filters.text.layout import Parts

T = TypeVar("T")
Array = np.ndarray[Any, Any]


class EditedTexts(list[str]):
    """What an edit leaves of some texts, with the code points, bounds and words that it knows already."""

    def __init__(self, codes: Array, bounds: Array, words: Words):
        content, ends = codes.tobytes(), (4 * bounds).tolist()
        super().__init__(
            content[start:end].decode("utf-32-le", "surrogatepass") for start, end in pairwise(ends)
        )
        self.codes, self.bounds, self.words = codes, bounds, words


class Batch:
    """Texts, URLs, stated opt-outs and ids of some documents, in row order, with shared lazily found parts."""

    def __init__(
        self,
        texts: Sequence[str],
        urls: Sequence[str] | None = None,
        splitter: WordSplitter | None = None,
        opt_outs: Sequence[str | None] | None = None,
        ids: Sequence[str] | None = None,
    ):
        self.texts = list(texts)
        self.urls = list(urls) if urls is not None else [""] * len(self.texts)
        self.opt_outs = list(opt_outs) if opt_outs is not None else [None] * len(self.texts)
        self.ids = list(ids) if ids is not None else [""] * len(self.texts)
        self.splitter = splitter if splitter is not None else WordSplitter()
        self._parts: dict[Hashable, Any] = {}

    def __len__(self) -> int:
        return len(self.texts)

    def edited(self, texts: Sequence[str]) -> Batch:
        """A batch of the same documents with other texts; this one if they are its own list."""
        if texts is self.texts:
            return self
        batch = Batch(texts, self.urls, self.splitter, self.opt_outs, self.ids)
        if isinstance(texts, EditedTexts):
            batch.__dict__.update(_code_points=(texts.codes, texts.bounds), words=texts.words)
        return batch

    def rows(self, rows: Array) -> Batch:
        """A batch of some of the documents, by row; the same one for the same rows, so that its parts are shared."""
        if len(rows) == len(self.texts):
            return self
        return self.part(("rows", rows.tobytes()), lambda: self._chosen(rows.tolist()))

    def _chosen(self, rows: list[int]) -> Batch:
        texts, urls, ids = ([column[row] for row in rows] for column in (self.texts, self.urls, self.ids))
        return Batch(texts, urls, self.splitter, [self.opt_outs[row] for row in rows], ids)

    def part(self, key: Hashable, make: Callable[[], T]) -> T:
        """What `make` returns, made once per batch and key."""
        if key not in self._parts:
            self._parts[key] = make()
        found: T = self._parts[key]
        return found

    @cached_property
    def words(self) -> Words:
        """Words as spaCy's English tokenizer splits them."""
        return self.splitter.split_chunks(self.codes, self.chunks)

    @cached_property
    def lengths(self) -> np.ndarray[Any, np.dtype[np.int64]]:
        """Characters of each text."""
        return np.fromiter(map(len, self.texts), np.int64, len(self.texts))

    @cached_property
    def _code_points(self) -> tuple[Array, Array]:
        from filters.text import layout  # compiled loops take a while to load: not every command needs them

        return layout.code_points(self.texts)

    @property
    def codes(self) -> Array:
        """The code points of all texts, uint32, one text after the other."""
        return self._code_points[0]

    @property
    def bounds(self) -> Array:
        """Where each text begins and ends in `codes`, int64 [texts + 1]."""
        return self._code_points[1]

    @cached_property
    def chunks(self) -> Parts:
        """The parts between white space, as `str.split` finds them."""
        from filters.text import layout

        return layout.chunks(self.codes, self.bounds)

    @cached_property
    def chunk_numbers(self) -> tuple[Array, Array]:
        """Ids of the chunks, equal where chunks are, and the first chunk of each id: `layout.numbered`."""
        from filters.text import layout

        return layout.numbered(self.codes, self.chunks)

    @cached_property
    def lines(self) -> Parts:
        """The parts between newlines, empty ones included."""
        from filters.text import layout

        return layout.lines(self.codes, self.bounds)

    @cached_property
    def split_lines(self) -> Parts:
        """The lines as `str.splitlines` finds them."""
        from filters.text import layout

        return layout.split_lines(self.codes, self.bounds)

    @cached_property
    def arrow(self) -> pa.Array:
        """The texts as an Arrow column, for vectorised counting."""
        return pa.array(self.texts, pa.large_string())


def ratio(part: Any, whole: Any) -> np.ndarray[Any, np.dtype[np.float64]]:
    """`part / whole` element by element, 0 where the whole is 0."""
    part, whole = np.asarray(part, np.float64), np.asarray(whole, np.float64)
    return np.divide(part, whole, out=np.zeros(part.shape), where=whole != 0)
