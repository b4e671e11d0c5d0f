"""Order statistics of windows that the compiled core sorts: pieces are finished in NumPy's words, or in torch's where they learn."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...arrays.adapter import Adapter, adapter_named, adapter_of
from ...arrays.ops import library, stop
from ...arrays.shape_ops import broadcast, cast, concatenated, dtype_name, floats
from ...order_statistics import Order, Sorted
from ...plan import Grid, Job
from ..reference import sorted as orders_reference
from ..reference.sorted import answered, finished
from . import arg as orders_places
from . import sorted as orders_sorted
from .rank_terms import coefficients

NUMPY = adapter_named("numpy")
TIES = {"first": 1, "last": 2, "split": 3}
MOST_TABLED = 256  # elements of a window whose coefficients are a table by count


def forward(x: Any, job: Job, weights: Any) -> Any:
    """The answers of a job that `orders_sorted.refuses` does not."""
    arrays = adapter_of(x)
    # NumPy's operations are quicker where nothing learns
    finishing = NUMPY if arrays is NUMPY else adapter_of(*job.reduction.parameters.values())
    windows = _Windows(x, job, weights, finishing)
    parts = [windows.answers(windows.sorted(piece), job.reduction) for piece in windows.prepared.pieces]
    whole = concatenated(parts, 0)
    whole = whole.reshape(windows.prepared.rows, -1, *whole.shape[1:])
    y = orders_reference.joined([whole], whole, job.grid, job.reduction, weights)
    y = arrays.asarray(y, x)
    if "float" not in job.dtype or job.reduction.gives == "position":
        return y
    return arrays.cast(y, arrays.dtype_name(x))


def taking(x: Any, job: Job, weights: Any) -> tuple[Any, list[tuple[Any, Any]]]:
    """The answers of an order statistic that takes single elements of a tensor x, and those elements with the slope in each."""
    torch: Any = library(x)
    windows = _Windows(x, job, weights, adapter_of(x))
    found: list[list[Any]] = []
    for piece in windows.prepared.pieces:
        held = windows.sorted(piece)
        held.window = window = _Taking(held.window)
        with torch.enable_grad():
            y = windows.answers(held, job.reduction)
        slopes = torch.autograd.grad(y, window.taken, torch.ones_like(y), allow_unused=True)
        slopes = [torch.zeros_like(y) if s is None else s for s in slopes]
        found.append([y.detach(), *(t.detach() for t in window.taken), *slopes])
    rows = windows.prepared.rows
    columns = [torch.cat(pieces).reshape(rows, -1) for pieces in zip(*found, strict=True)]
    y, *rest = (orders_reference.joined([c], c, job.grid, job.reduction, weights).to(x.dtype) for c in columns)
    many = len(rest) // 2
    return y, list(zip(rest[:many], rest[many:], strict=True))


class _Taking(Sorted):
    """Sorted windows that remember which elements were asked for."""

    def __init__(self, window: Sorted) -> None:
        masses: dict[str, Any] = {"masses": window.masses, "cumulated": window.cumulated, "rounding": window.rounding}
        super().__init__(window.values, window.present, order=window.order, **masses)
        self.taken: list[Any] = []

    def owned(self, value: Any) -> Any:
        self.taken.append(value.clone().requires_grad_())
        return self.taken[-1]


def backward(g: Any, x: Any, job: Job, weights: Any, learned: tuple[str, ...]) -> tuple[Any, Any, tuple[Any, ...]]:
    """The gradients for a tensor x, for its weights where they learn, and for the parameters named; no window is kept."""
    torch: Any = library(x)
    order = copy(job.reduction)
    order.parameters = dict(order.parameters)
    asked = [order.parameters[name].detach().requires_grad_() for name in learned]
    order.parameters.update(zip(learned, asked, strict=True))
    rows, weighs = _flat(g, job.grid, order), weights is not None and weights.requires_grad
    total = torch.zeros(x.shape, dtype=torch.float64 if x.dtype is torch.float64 else torch.float32, device=x.device)
    by_weight = torch.zeros_like(total) if weighs else None
    sums = [torch.zeros_like(t) for t in asked]
    ties = TIES[order.ties] if order.shares else 0
    tabled = order.linear() and order.answers() is None and not asked and job.grid.max_length <= MOST_TABLED
    windows = _Windows(x, job, weights, adapter_of(x))
    tabled = tabled and not windows.prepared.weighs
    windows = _Windows(x, job, weights, NUMPY) if tabled else windows
    table = _table(order, job.grid.max_length, "float64" if x.dtype is torch.float64 else "float32") if tabled else None
    for piece in windows.prepared.pieces:
        held, given = windows.sorted(piece), rows[piece[0] : piece[1]]
        to: list[tuple[Any, Any, int]] = []
        if tabled:
            to.append((_by_count(table, held, given.numpy()), total, ties))
        else:
            back, mass, shares = _by_torch(torch, windows, held, order, given, asked, weighs)
            to += [(back, total, ties), (mass, by_weight, 0)]
            for sum_, part in zip(sums, shares, strict=True):
                sum_ += 0 if part is None else part
        for rows_, into, ties_ in to:
            if rows_ is not None:
                windows.prepared.spread(piece, ties_, {**held.memory, "g": _address(rows_), "gx": _address(into)})
    return total.to(x.dtype), _of_weights(torch, by_weight, weights), tuple(sums)


def _of_weights(torch: Any, total: Any, weights: Any) -> Any:
    """The gradient for weights, given its products with them: a mass is a weight times what its place counts."""
    if total is None:
        return None
    w = weights.detach().expand(total.shape)
    each = torch.where(w == 0, 0.0, total.to(w.dtype) / torch.where(w == 0, 1.0, w))
    return each.sum_to_size(weights.shape)


def _table(order: Order, places: int, dtype: str) -> Any:
    """(places, places + 1): how much of each rank windows of every count take."""
    made = np.zeros((places, places + 1))
    for n in range(1, places + 1):
        if not order.lacks(n):
            made[:n, n] = coefficients(order, n)
    return made.astype(dtype)


def _by_count(table: Any, held: _Held, g: Any) -> Any:
    """The gradients of sorted values whose shares are known by how many there are."""
    g = g.astype(table.dtype) if held.nan is None else np.where(held.nan, 0, g).astype(table.dtype)
    n = held.window.present
    return np.ascontiguousarray(table[:, n] * g if hasattr(n, "shape") else table[:, n : n + 1] * g)


def _by_torch(
    torch: Any, windows: _Windows, held: _Held, order: Order, g: Any, asked: list[Any], weighs: bool
) -> tuple[Any, Any, list[Any]]:
    """The gradients of sorted values, of masses times these (None: they do not learn), and of the parameters asked for."""
    leaves = [held.window.values.requires_grad_()]
    with torch.enable_grad():
        if weighs:
            w = held.window
            leaves.append(w.masses.detach().requires_grad_())
            held.window = Sorted(w.values, w.present, leaves[1], w.order, rounding=w.rounding)
        y = windows.answers(held, order)
    if not y.requires_grad:
        return None, None, [None] * len(asked)
    back, *rest = torch.autograd.grad(y, [*leaves, *asked], g.to(y.dtype), allow_unused=True)
    mass = rest.pop(0) if weighs else None
    if mass is not None:
        mass = mass * leaves[1].detach()
        mass = mass if held.nan is None else torch.where(held.nan[:, None], 0.0, mass)
        mass = mass.to(held.window.values.dtype).t().contiguous()
    return None if back is None else back.t().contiguous(), mass, rest


def _flat(g: Any, grid: Grid, order: Order) -> Any:
    """The windows' gradients, numbered row by row; several answers on the last axis."""
    many = order.answers()
    if many is not None and many[1] == 0:
        g = g.movedim(0, -1)
    rank = len(grid.shape)
    g = g.movedim(list(grid.pooled_dims), list(range(rank - len(grid.pooled_dims), rank)))
    half = dtype_name(g) in ("float16", "bfloat16")
    return cast(g, "float32" if half else dtype_name(g)).reshape(-1, *([many[0]] if many is not None else []))


@dataclass
class _Held:
    """A piece of windows, which of them a NaN spoils, and where its memory lies."""

    window: Sorted
    nan: Any
    memory: dict[str, int]
    begin: int  # the number of the first


class _Windows:
    """The windows of one array, sorted when they are asked for, and the adapter that finishes them."""

    def __init__(self, x: Any, job: Job, weights: Any, arrays: Adapter) -> None:
        self.job, self.arrays, self.source = job, arrays, adapter_of(x)
        self.laid: tuple[int, dict[str, Any]] = (-1, {})
        self.x, self.w, laid = x, None, None
        if weights is not None:
            self.w = _expanded(weights, job.grid.shape)
            laid = (self.source.strides(self.w), dtype_name(self.w))
        self.prepared = orders_sorted.Prepared(job, self.source.strides(x), laid)
        half, float_ = job.dtype in ("float16", "bfloat16"), "float" in job.dtype
        self.rounding = orders_reference.rounding_of(weights)
        self.kind = "float32" if half else "uint8" if job.dtype == "bool" else job.dtype
        self.result = "float32" if half else job.dtype
        self.watched = float_ and not job.omit_nan and not job.reduction.nan_is_largest
        full = bool(np.all(job.grid.present == job.grid.max_length))
        self.full = full and weights is None and not job.grid.weighted and not (float_ and job.omit_nan)

    def sorted(self, piece: tuple[int, int]) -> _Held:
        """A piece of windows, as an order statistic sees them."""
        count, places = piece[1] - piece[0], self.prepared.places
        if self.laid[0] != count:  # memory is used again: fresh pages cost as much as the sort
            self.laid = count, self.memories(count, places)
        made = self.laid[1]
        to = {name: self.arrays.address(t) for name, t in made.items()}
        self.prepared.sort(self.source.address(self.x), 0 if self.w is None else self.source.address(self.w), piece, to)
        present: Any = places if self.full else made["present"]
        values, order = self.arrays.stop(made["values"].T), made["order"].T
        weighed = {name: made[name].T for name in ("masses", "cumulated") if name in made}
        window = Sorted(values, present, order=order, rounding=self.rounding, **weighed)
        return _Held(window, made["nan"] if self.watched else None, to, piece[0])

    def memories(self, count: int, places: int) -> dict[str, Any]:
        """Room for a piece of windows."""
        made = {
            "values": self.arrays.empty((places, count), self.kind),
            "order": self.arrays.empty((places, count), "int32"),
            "present": self.arrays.empty((count,), "int64"),
            "nan": self.arrays.empty((count,), "bool"),
        }
        if self.prepared.weighs:
            made.update({name: self.arrays.empty((places, count), "float64", None) for name in ("masses", "cumulated")})
        return made

    def answers(self, held: _Held, order: Order) -> Any:
        """(windows[, answers]) of a piece, in memory of their own."""
        n = held.window.n()
        n = n if isinstance(n, int) else floats(n)
        y = finished(order, held.window, n)
        job = self.job
        if order.gives == "position":
            y = orders_places.positions(y, held.begin, job.grid)
        weighed = job.weights is not None or job.grid.weighted
        y = answered(y, held.window, n, held.nan, order, job.grid, self.result, job.empty, weighed)
        return self.arrays.apart(y, held.window.values)


def _expanded(weights: Any, shape: tuple[int, ...]) -> Any:
    """Weights for every element, in a type that the core reads; no element is copied for it."""
    if dtype_name(weights) not in ("bool", "float32", "float64"):
        weights = cast(weights, "float64")
    return broadcast(stop(weights), shape)


def _address(x: Any) -> int:
    return adapter_of(x).address(x)
