"""The stages of deduplication: maps over blocks of shards, reduces over ranges of keys, one small task in between."""
