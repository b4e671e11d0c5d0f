"""The ranks of an order statistic, and the algorithm that finds them: network, histogram or
chains."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ...order_statistics import METHODS, Median, Mode, Order, Quantile, Rank
from ...plan import Grid
from .interior import uniform_stride

# Minimum length along one axis for chains: 501 of 2^19 floats 5.5 ms, not 15; 301: 4.8 ms in both.
LONG = 310
BYTES = ("uint8", "int8", "bool")  # types with one histogram bin for each value
# Minimum number of elements for histograms. Times are of 2048², histograms against networks:
# - the median, with straight code up to 15×15: float32 17×17 65 ms and 187, uint8 22 ms and 70;
# - other ranks, which have no such code: float32 15×15 65 ms and 145;
# - elements of 8 bytes, which are slow in networks: 9×9 80 ms and 94.
MIDDLE, OTHERS, DOUBLES = 256, 196, 81
# Footprints of more positions are counted by histograms in a plane: 113 of 1024² took as long in
# both for uint8, 81 for float32.
FEW_POSITIONS = 100
SIDE = 224  # maximum length along one axis, for sorted tiles of 256×256


@dataclass(frozen=True)
class RankBlend:
    """The result of a window of n elements: one rank, or a blend of two; no rank is the mode."""

    ranks: tuple[int, ...]
    blend: int = 0  # 0 none, 1 the mean, 2 low + (high − low) · share
    share: float = 0.0


def ranks_of(order: Order, n: int) -> RankBlend | str:
    """The ranks of an order statistic of n elements, or the reason why there are none."""
    if isinstance(order, Mode):
        return RankBlend(())
    if isinstance(order, Rank):
        k = order.parameters["k"]
        if order.undefined_for(n):
            return f"{n} elements are too few for {order!r}"
        return RankBlend((k if k >= 0 else n + k,))
    if isinstance(order, Median):
        low, high = (n - 1) // 2, n // 2
        even = order.parameters["even"]
        if low == high:
            return RankBlend((low,), int(even == "mean"))
        return RankBlend((low, high), 1) if even == "mean" else RankBlend((low if even == "lower" else high,))
    if isinstance(order, Quantile) and order.answers() is None and order.parameters["smooth"] is None:
        rank = max(METHODS[order.parameters["method"]](n, order.qs[0]), 0)
        down = math.floor(rank)
        low, high, share = min(down, n - 1), min(down + 1, n - 1), float(rank - down)
        if order.keeps_integers(False):
            return RankBlend((low,))
        return RankBlend((low,), 1) if share == 0 or low == high else RankBlend((low, high), 2, share)
    return f"{order!r} is not compiled"


def uses_histogram(grid: Grid, dtype: str, selection: RankBlend | str) -> bool:
    """Whether histograms give these ranks: large windows at stride 1 in a plane."""
    if len(grid.axes) != 2 or isinstance(selection, str) or not 0 < len(selection.ranks) <= 2:
        return False
    adjacent = all(a.step == 1 and (a.out == 1 or (uniform_stride(a) or (0, 0))[1] == 1) for a in grid.axes)
    size = [a.max_length for a in grid.axes]
    if dtype not in BYTES:
        adjacent = adjacent and max(size) <= SIDE and min(size) > 1
    if grid.is_footprint:
        return adjacent and FEW_POSITIONS < grid.most_elements < 2**16
    least = DOUBLES if dtype.endswith("64") else MIDDLE if selection.ranks == ((grid.max_length - 1) / 2,) else OTHERS
    return adjacent and least <= grid.max_length < 2**16


def uses_chains(grid: Grid, selection: RankBlend | str) -> bool:
    """Whether sorted chains give these ranks: long windows at stride 1 along one axis."""
    if (
        grid.is_footprint
        or len(grid.axes) != 1
        or isinstance(selection, str)
        or not selection.ranks
        or len(selection.ranks) > 2
    ):
        return False
    axis = grid.axes[0]
    adjacent = axis.step == 1 and axis.out > 1 and (uniform_stride(axis) or (0, 0))[1] == 1
    return adjacent and LONG <= axis.max_length < 2**31
