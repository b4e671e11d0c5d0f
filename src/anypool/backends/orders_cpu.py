"""Order statistics by the compiled core."""

from __future__ import annotations

from ..plan import Job


def refuses(job: Job) -> str | None:
    """A sentence, or None if the compiled core serves the job."""
    return f"cpu: {job.reduction!r} is not compiled (the reference serves it)"
