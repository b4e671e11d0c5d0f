"""Backends: each answers `refuses(job)` with None or a sentence, and runs what it does not refuse."""
