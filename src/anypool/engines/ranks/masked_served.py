"""Which order statistics of windows that lack elements the compiled networks serve."""

from __future__ import annotations

from ...plan import Job
from ..folds.recipes import TYPES
from ..native.library import library, missing
from ..native.networks import fits
from .interior import interior, steady
from .native import Wanted, described, shape_of
from .rank_terms import MOST_PLACES, frame, gaps, planned


def refuses(job: Job) -> str | None:
    """A sentence, or None if the compiled core serves the job this way."""
    grid, order = job.grid, job.reduction
    if library() is None:
        return f"the compiled library is not there ({missing()})"
    if not order.linear() or order.answers() is not None:
        return f"{order!r} is not compiled"
    if grid.weighted or (job.weights is not None and job.weights[1] != "bool"):
        return f"{order!r} with weights is not compiled: masks are"
    if job.dtype not in (*TYPES, "bool"):
        return f"{job.dtype} is not compiled"
    if 0 in grid.shape or 0 in grid.out_shape or len(grid.axes) > 3:
        return "x or the result is empty, or more than three axes are pooled"
    if isinstance(grid.fill, tuple):
        return "constants that differ from axis to axis are not compiled"
    if not 1 < grid.max_length <= MOST_PLACES:
        return f"{order!r} of windows of more than {MOST_PLACES} elements is not compiled"
    inside = interior(grid)
    if inside is None:
        made = frame(grid)
        if made is None or made.grid.max_length > MOST_PLACES or any(steady(a) is None for a in made.grid.axes):
            return "these windows are not equally far apart and alike"
        inside = made.grid
    if not fits(shape_of(inside, Wanted((0,)))):
        return "these windows are dilated too far, or lie too far apart, for a selection network"
    return None


def engine(job: Job) -> str:
    """What runs the job, in words."""
    found, inside = planned(job.reduction, job.grid, gaps(job)), interior(job.grid)
    if inside is None:
        made = frame(job.grid)
        assert made is not None
        inside = made.grid
    kind = "selection network" if found.kind < 3 else "selection network and a sum"
    return described(f"{kind}, ranks by count", shape_of(inside, Wanted(found.ranks)))
