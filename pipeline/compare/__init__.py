"""Two runs, or a run and other thresholds: the decisions that differ, both ways (`query.compare`)."""
