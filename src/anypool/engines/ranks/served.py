"""Which order statistics the compiled core serves, and by which engine; what remains is the reference's."""

from __future__ import annotations

from ...order_statistics import Median, Mode, Quantile, Rank
from ...plan import Grid, Job
from ..folds.recipes import FLOATS, TYPES
from ..native.networks import fits
from .interior import interior
from .native import bits_of, chained, described, histogrammed, shape_of, wanted

MOST_PLACES = 4096  # of one window
MOST_APART = 576  # of one that shares no element: 64×64 took 2 s to plan and 90 ms to run, selected from 25 ms
MOST_LABELS = 27  # of one window's mode


def plain(job: Job) -> str | None:
    """A sentence, or None if every window takes the same ranks: what the fastest engines ask for."""
    grid, order = job.grid, job.reduction
    if type(order) not in (Median, Mode, Quantile, Rank):
        return f"{order!r} is not compiled"
    if job.weights is not None or grid.weighted:
        return f"{order!r} with weights is not compiled"
    if job.omit_nan and job.dtype in FLOATS:
        return f"{order!r} that omits NaN is not compiled"
    if job.dtype not in (*TYPES, "bool"):
        return f"{job.dtype} is not compiled"
    if isinstance(order, Mode) and (job.dtype in FLOATS or grid.max_length > MOST_LABELS):
        return f"the mode is compiled for integers and up to {MOST_LABELS} elements a window"
    if 0 in grid.shape or 0 in grid.out_shape:
        return "x or the result is empty"
    if len(grid.axes) > 3:
        return "order statistics are compiled for up to three pooled axes"
    inside = interior(grid)
    if inside is None:
        return "these windows are not full and equally far apart"
    made = wanted(order, grid.max_length)
    counted = histogrammed(inside, job.dtype, made) or chained(inside, made)
    if not counted and not 1 < grid.max_length <= MOST_PLACES:
        return f"order statistics are compiled for windows of 2 to {MOST_PLACES} elements, or more bytes next to each other"
    if not counted and not isinstance(made, str) and not fits(shape_of(inside, made)):
        return "these windows are dilated too far, or lie too far apart, for a selection network"
    if inside is not grid and job.empty is None and "float" not in job.dtype and grid.has_empty:
        return "an empty window has no integer answer"
    if grid.fill is not None and bits_of(grid.fill, job.dtype) is None:
        return f"the border {grid.fill} is no {job.dtype}"
    return made if isinstance(made, str) else None


def large_and_disjoint(job: Job) -> bool:
    """Whether windows are so large, and share no element, that to select from each is quicker than a network."""
    grid, order = job.grid, job.reduction
    if not isinstance(grid, Grid) or type(order) not in (Median, Quantile, Rank) or grid.max_length <= MOST_APART:
        return False
    if job.weights is not None or grid.weighted or len(grid.axes) > 3 or 0 in grid.shape or 0 in grid.out_shape:
        return False
    inside = interior(grid)
    if inside is None or not _apart(inside):
        return False
    made = wanted(order, grid.max_length)
    return not (histogrammed(inside, job.dtype, made) or chained(inside, made))


def _apart(grid: Grid) -> bool:
    """Whether windows share no element."""
    return all(axis.out < 2 or axis.stride >= axis.max_length * axis.step for axis in grid.axes)


def described_engine(job: Job) -> str:
    """What runs a job that `plain` does not refuse, in words."""
    inside = interior(job.grid)
    assert inside is not None
    made = wanted(job.reduction, job.grid.max_length)
    if histogrammed(inside, job.dtype, made):
        return "histograms by column, fine bins renewed where the rank lies" + (
            ""
            if job.dtype in ("uint8", "int8", "bool")
            else "; tiles sorted once, bins of 256 neighbours in that order"
        )
    if chained(inside, made):
        return "blocks sorted once, chains that lose and gain an element a step"
    kind = "sorting network and vote" if isinstance(job.reduction, Mode) else "selection network"
    return described(kind, shape_of(inside, made))
