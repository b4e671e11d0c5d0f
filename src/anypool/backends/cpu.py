"""The compiled core, called through its C ABI; without the library it refuses and the reference answers."""

from __future__ import annotations

from ..plan import Job

name = "cpu"


def refuses(job: Job) -> str | None:
    """A sentence, or None if the compiled core serves the job."""
    return "cpu: the compiled library is not built yet (the reference answers)"


def status() -> list[str]:
    """Lines for `anypool check`."""
    return ["cpu: not active: the compiled library is not built yet"]
