"""The dashboard: a local web page over the ledger and the stored signals of one or more runs.

`watch.py` reads a run folder, again and again while the run goes on, and hands out snapshots; `documents.py` holds
what is stored of each document, or of a sample of them; `views/` answers questions from a snapshot, each answer a
typed struct; `app.py` serves every answer as a page and as JSON, behind `guard.py`. Nothing here writes into a run.
"""
