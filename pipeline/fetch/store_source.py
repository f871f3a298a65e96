"""Files in an object store or on a disk, through fsspec: `s3://commoncrawl/`, a mirror on `gs://`, a folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pipeline.errors import UsageError, UserError
from pipeline.fetch.patience import Gate
from pipeline.fetch.source import Answer, Gone, PastEnd, Refused, Trouble

_PIECE = 4 << 20  # bytes a request


def _explained(error: Exception) -> Exception:
    """What an error of a file system means for the next attempt."""
    if isinstance(error, FileNotFoundError):
        return Gone("not there")
    if isinstance(error, PermissionError):
        return Refused(f"no permission ({error})")
    if type(error).__name__ in ("NoCredentialsError", "PartialCredentialsError", "TokenRetrievalError"):
        return Refused(
            "no credentials for this store are configured: Common Crawl's bucket needs some of AWS's"
        )
    return Trouble(f"{type(error).__name__}: {error}" if str(error) else type(error).__name__)


class StoreSource:
    """Paths below an fsspec URL or a local folder.

    Such systems have no conditional ranges: the version is looked at before the first and after the last byte of an
    answer, and bytes of a file that changed between are refused with Trouble.
    """

    def __init__(self, base: str, gate: Gate) -> None:
        import fsspec

        self._base = base.rstrip("/") + "/"
        self._gate = gate
        try:
            filesystem, root = fsspec.core.url_to_fs(self._base)
        except (ImportError, ValueError) as error:
            raise UsageError(f"{base}: {error}") from error
        self._fs: Any = filesystem
        self._root: str = root.rstrip("/")

    def url(self, path: str) -> str:
        """The whole address of a path."""
        return self._base + path

    def _look(self, name: str) -> tuple[int, str]:
        self._gate.request()
        try:
            self._fs.invalidate_cache()
            info = self._fs.info(name)
            if info.get("type") == "directory":
                raise Gone("a folder, not a file")
            mark = info.get("ETag") or info.get("etag") or self._fs.ukey(name)
        except (Refused, UserError):  # the second by Ctrl-C
            raise
        except Exception as error:
            raise _explained(error) from error
        return int(info["size"]), str(mark)

    @contextmanager
    def open(
        self, path: str, start: int = 0, stop: int | None = None, mark: str | None = None
    ) -> Iterator[Answer]:
        """A range, or the rest of the file; see `pipeline.fetch.source.Source`."""
        name = f"{self._root}/{path}"
        size, found = self._look(name)
        if mark is not None and mark != found:
            start, stop = 0, None
        if start >= size and (start > 0 or stop is not None):
            raise PastEnd(size)
        end = size if stop is None else min(stop, size)
        yield Answer(start=start, size=size, mark=found, blocks=self._blocks(name, start, end, found))

    def _blocks(self, name: str, start: int, stop: int, mark: str) -> Iterator[bytes]:
        while start < stop:
            end = min(start + _PIECE, stop)
            self._gate.request()
            try:
                data = bytes(self._fs.cat_file(name, start=start, end=end))
            except UserError:
                raise
            except Exception as error:
                raise _explained(error) from error
            if len(data) != end - start:
                raise Trouble("the store sent another range than was asked for")
            if end == stop and self._look(name)[1] != mark:
                raise Trouble("the file changed while it was read")
            yield data
            self._gate.took(len(data))
            start = end
