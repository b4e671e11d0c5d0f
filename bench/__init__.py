"""Benchmarks of named shapes: first a check of the results, then the time of ours, of a copy, of
rivals."""
