"""What can be wrong with a mix or with token shards, in words for the person who has to mend it."""

from __future__ import annotations


class ShardError(ValueError):
    """A token shard is damaged, or does not fit the others or its tokenizer; names the file."""


class MixError(ValueError):
    """A mix cannot be made from these domains; names the domain and what would be possible."""
