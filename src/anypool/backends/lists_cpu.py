"""Windows that name their elements, by the compiled core."""

from __future__ import annotations

from ..plan import Job


def refuses(job: Job) -> str | None:
    """A sentence, or None if the compiled core serves the job."""
    return "cpu: lists are not compiled yet"
