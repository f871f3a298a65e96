"""Getting pages from Common Crawl: whole files of a snapshot, or single records chosen through an index.

Read `source.py` (what a server is asked), `patience.py` (when), `download.py` (one whole file), then `records.py`.
"""
