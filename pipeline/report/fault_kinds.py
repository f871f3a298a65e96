"""What the kinds of failed records and of problems mean, in a sentence each."""

from __future__ import annotations

# Of a page: a run with such failures alone ends with exit code 0 while they are few.
_OF_PAGES = {
    "timeout": "parsing the page took more than `extract.page_timeout` seconds of processor time and was ended",
    "crash": "the parser's process died on the page; pages beside it are not affected",
    "memory": "parsing the page needed more than `extract.page_memory` bytes",
    "extractor_error": "the extractor raised an error on the page",
    "bad_http": "the HTTP status line or header cannot be read",
    "bad_encoding": "the Content-Encoding cannot be undone, or a text is not UTF-8",
    "bad_pdf": "the PDF cannot be read",
}
_OF_ROWS = {
    "bad_json": "the line is no JSON object",
    "no_text": "the row has no column `text` that is a string",
    "no_text_column": "the file has no column `text` that can be read",
    "duplicate_id": "another document has this id already",
}
_OF_FILES = {
    "missing": "the input file is not there",
    "empty_file": "the file has no bytes, lines or rows",
    "damaged_file": "the file cannot be read from here on",
    "not_warc": "there is no WARC or ARC record in the file",
    "truncated": "the file ends inside the record",
    "corrupt_member": "the gzip member or zstd frame does not decompress",
    "garbage": "bytes that are neither a compressed member nor a record",
    "zeros": "a run of zero bytes",
    "bad_header": "the record header cannot be read or names no length",
    "wrong_length": "Content-Length does not lead to the next record",
    "oversize": "larger than the limits allow: a page, a record, a line, or the window of a zstd frame",
    "bad_dictionary": "the dictionary that the zstd frames need is missing or cannot be read",
    "bad_zip": "the zip archive (WACZ), or an entry of it, cannot be read",
    "shard_given_up": "the shard failed on every attempt: its documents are tried again by the next run",
}
FAILED = _OF_PAGES | _OF_ROWS | _OF_FILES

PROBLEMS = {
    "bad_chunks": "the chunks of the transfer coding do not fit: what could be read of the page was kept",
    "bad_encoding": "the Content-Encoding ends early: what could be undone of the page was kept",
    "bad_crc": "the checksum of the compressed member differs, but not the digest that the record states, if any",
    "bad_digest": "the record has not the digest that it states",
    "wrong_length": "Content-Length is not the length of what the archive holds as this record",
}
