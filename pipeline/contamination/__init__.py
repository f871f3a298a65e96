"""Reads the benchmarks that a recipe names: JSONL, JSON and Parquet files, and tasks of lm-evaluation-harness."""
