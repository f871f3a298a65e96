"""Duplicates: text to signature (a shard at a time), signatures to clusters (the whole run), clusters to survivors."""
