"""Benchmarks: named real shapes, a gate of correctness, then time beside a copy of the same bytes and the rivals."""
