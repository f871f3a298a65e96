"""Models that filters judge with: fastText, n-grams, importance weights, ranks; read from bytes, never from a path."""
