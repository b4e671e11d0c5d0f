"""Which order statistics the compiled networks, histograms and chains support."""

from __future__ import annotations

from ...order_statistics import Median, Mode, Quantile, Rank
from ...plan import Job
from ..folds.words import FLOATS, TYPES
from ..native import footprints
from ..native.networks import fits
from .algorithm import ranks_of, uses_chains, uses_histogram
from .interior import interior
from .native import bits_of, describe_network, shape_of

MAX_LENGTH = 4096  # elements of one window
MOST_POSITIONS = 128  # elements of one footprint
MOST_LABELS = 27  # elements of one window, for the mode


def refuses(job: Job) -> str | None:
    """The reason why these engines do not compute the job, or None."""
    grid, order = job.grid, job.reduction
    if type(order) not in (Median, Mode, Quantile, Rank):
        return f"{order!r} is not compiled"
    if job.weights is not None or grid.has_real_weights:
        return f"{order!r} with weights is not compiled"
    irregular = footprints.refuses(grid) if grid.is_footprint else None
    if irregular is not None:
        return irregular
    if job.omit_nan and job.dtype in FLOATS:
        return f"{order!r} that omits NaN is not compiled"
    if job.dtype not in (*TYPES, "bool"):
        return f"{job.dtype} is not compiled"
    if isinstance(order, Mode) and (job.dtype in FLOATS or grid.most_elements > MOST_LABELS):
        return f"the mode is compiled for integers and up to {MOST_LABELS} elements per window"
    if 0 in grid.shape or 0 in grid.out_shape:
        return "x or the result is empty"
    if len(grid.axes) > 3:
        return "order statistics are compiled for up to three pooled axes"
    inside = interior(grid)
    if inside is None:
        return "these windows differ in size or distance"
    selection = ranks_of(order, grid.most_elements)
    without_network = uses_histogram(inside, job.dtype, selection) or uses_chains(inside, selection)
    most = MOST_POSITIONS if grid.is_footprint else MAX_LENGTH
    if not without_network and not 1 < grid.most_elements <= most:
        return f"order statistics are compiled for windows of 2 to {most} elements, or more bytes next to each other"
    if not without_network and not isinstance(selection, str) and not fits(shape_of(inside, selection)):
        return "the dilation or stride is too large for a selection network"
    if inside is not grid and job.empty is None and "float" not in job.dtype and grid.has_empty:
        return "an empty window has no integer result"
    if grid.fill is not None and bits_of(grid.fill, job.dtype) is None:
        return f"the border {grid.fill} is not representable in {job.dtype}"
    return selection if isinstance(selection, str) else None


def describe_engine(job: Job) -> str:
    """A description of the algorithm for a job that `refuses` accepts."""
    inside = interior(job.grid)
    assert inside is not None
    selection = ranks_of(job.reduction, job.grid.most_elements)
    if uses_histogram(inside, job.dtype, selection):
        return "histograms of columns, with fine bins around the rank" + (
            ""
            if job.dtype in ("uint8", "int8", "bool")
            else "; tiles sorted once, bins of 256 consecutive elements in that order"
        )
    if uses_chains(inside, selection):
        return "blocks sorted once into chains; each step removes and adds one element"
    kind = "sorting network and count of equal elements" if isinstance(job.reduction, Mode) else "selection network"
    return describe_network(kind, shape_of(inside, selection))
