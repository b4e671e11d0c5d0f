"""Which order statistics of windows with absent elements the compiled networks support."""

from __future__ import annotations

from ...plan import Job
from ..folds.words import TYPES
from ..native.library import library, missing
from ..native.networks import fits
from .algorithm import RankBlend
from .interior import interior, uniform_stride
from .native import describe_network, shape_of
from .rank_terms import MAX_LENGTH, frame, has_gaps, planned


def refuses(job: Job) -> str | None:
    """The reason why the networks do not compute the job, or None."""
    grid, order = job.grid, job.reduction
    if library() is None:
        return f"the compiled library is missing ({missing()})"
    if not order.linear() or order.answers() is not None:
        return f"{order!r} is not compiled"
    if grid.weighted or (job.weights is not None and job.weights[1] != "bool"):
        return f"{order!r} with weights is not compiled: masks are"
    if job.dtype not in (*TYPES, "bool"):
        return f"{job.dtype} is not compiled"
    if 0 in grid.shape or 0 in grid.out_shape or len(grid.axes) > 3:
        return "x or the result is empty, or more than three axes are pooled"
    if isinstance(grid.fill, tuple):
        return "borders with a different constant for each axis are not compiled"
    if not 1 < grid.max_length <= MAX_LENGTH:
        return f"{order!r} of windows of more than {MAX_LENGTH} elements is not compiled"
    inside = interior(grid)
    if inside is None:
        extended = frame(grid)
        if (
            extended is None
            or extended.grid.max_length > MAX_LENGTH
            or any(uniform_stride(a) is None for a in extended.grid.axes)
        ):
            return "these windows differ in size or distance"
        inside = extended.grid
    if not fits(shape_of(inside, RankBlend((0,)))):
        return "the dilation or stride is too large for a selection network"
    return None


def engine(job: Job) -> str:
    """A description of the algorithm for the job."""
    terms, inside = planned(job.reduction, job.grid, has_gaps(job)), interior(job.grid)
    if inside is None:
        extended = frame(job.grid)
        assert extended is not None
        inside = extended.grid
    kind = "selection network" if terms.kind < 3 else "selection network and a sum"
    return describe_network(
        f"{kind}, ranks by the number of present elements", shape_of(inside, RankBlend(terms.ranks))
    )
