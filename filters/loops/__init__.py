"""Compiled loops of single filters: each counts what its filter's module describes."""
