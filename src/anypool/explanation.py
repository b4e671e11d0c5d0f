"""explain(): the plan that pool() would run for the same arguments."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import wraps
from typing import Any, ParamSpec

import numpy as np

from .api import pool
from .arguments import library_of, request
from .arrays.ops import zeros
from .arrays.shape_ops import filled
from .engines import Selection, execute, select
from .flattening import flat_windows, flattened
from .log_weights import GATHERED, LIFTED, LogWeighted, Part
from .order_statistics import Order
from .validation import check_min_count, gone_axes, size_of
from .windows import flag

P = ParamSpec("P")


@dataclass(frozen=True)
class Explanation:
    """The description of a call: shapes, plan, backend, refusals, bytes and operations."""

    shape: tuple[int, ...]
    out_shape: tuple[int, ...]
    dtype: str
    reduction: str
    windows: str
    backend: str
    refusals: dict[str, str | None]
    bytes_read: int
    bytes_written: int
    operations: int
    engine: str = ""  # the plan of the backend, in words
    parts: tuple[tuple[str, str, str], ...] = ()  # of several reductions: each, its backend and its plan
    log_weights: str = ""  # the form in which `log_weights` are computed

    def __str__(self) -> str:
        lines = [f"{self.reduction} of {self.windows}", f"  {self.dtype} {self.shape} -> {self.out_shape}"]
        if self._mixed:
            lines += [f"  {name}: {backend}{f': {plan}' if plan else ''}" for name, backend, plan in self.parts]
        else:
            lines += [f"  backend    {self.backend}{f': {self.engine}' if self.engine else ''}"]
        lines += [f"  log_weights {self.log_weights}"] if self.log_weights else []
        lines += [f"  refused by {sentence}" for sentence in self.refusals.values() if sentence]
        lines += [
            f"  memory     reads {self.bytes_read:,} bytes, writes {self.bytes_written:,}",
            f"  work       {self.operations:,} elements read by windows",
        ]
        return "\n".join(lines)

    __repr__ = __str__

    @property
    def _mixed(self) -> bool:
        return len({backend for _, backend, _ in self.parts}) > 1


def _with_parameters_of(
    model: Callable[P, object],
) -> Callable[[Callable[[dict[str, Any]], Explanation]], Callable[P, Explanation]]:
    """A decorator: the function gets the parameters of `model`, and reads their values from a
    dict."""
    signature = inspect.signature(model)

    def decorate(function: Callable[[dict[str, Any]], Explanation]) -> Callable[P, Explanation]:
        @wraps(function)
        def call(*args: P.args, **options: P.kwargs) -> Explanation:
            bound = signature.bind(*args, **options)
            bound.apply_defaults()
            return function(bound.arguments)

        vars(call)["__signature__"] = signature.replace(return_annotation="Explanation")
        return call

    return decorate


@_with_parameters_of(pool)
def explain(arguments: dict[str, Any]) -> Explanation:
    """The description of a `pool` call with these arguments. Nothing is computed.

    >>> import numpy as np, anypool as ap
    >>> explain(np.ones((4, 4)), ap.sliding((2, 2)), "max").out_shape
    (2, 2)
    """
    x, windows, backend = (arguments[name] for name in ("x", "windows", "backend"))
    library = library_of(x)
    x = library.array(x)
    flat = flat_windows(windows, tuple(x.shape), arguments["axes"])
    if flat is not None:
        z, changed = flattened(library, x, flat, arguments)
        one = explain(**{**changed, "x": z, "windows": flat.windows})
        return replace(one, shape=tuple(x.shape), windows=repr(windows))
    if arguments["log_weights"] is not None:
        return _with_log_weights(**arguments)
    options = {name: arguments[name] for name in ("axes", "nan", "ties", "empty", "backend")}
    keeps_axes = flag(arguments["keepdims"], "keepdims") and getattr(windows, "keepdims", True)
    check_min_count(arguments["min_count"])
    checked = request(library, x, windows, arguments["reduction"], arguments["weights"], options)
    grid, reductions, dtype = checked.grid, checked.reductions, library.dtype_name(x)
    gone = () if keeps_axes else gone_axes(grid)
    by_reduction = [
        [
            select(execute.job_of(library, x, g, r, checked.weights, checked.omit_nan, checked.empty), backend)
            for g in grid.grids
        ]
        for r in reductions
    ]
    chosen = [selection for selections in by_reduction for selection in selections]
    item = 2 if dtype in ("float16", "bfloat16") else np.dtype(dtype).itemsize
    return Explanation(
        tuple(x.shape),
        _answers_shape(tuple(n for a, n in enumerate(grid.out_shape) if a not in gone), reductions[0]),
        dtype,
        ", ".join(repr(r) for r in reductions),
        repr(windows),
        _backend(chosen),
        _refusals(chosen),
        size_of(x.shape) * item * len(grid.grids),
        size_of(grid.out_shape) * item * len(reductions),
        grid.total_count * len(reductions),
        _plans(chosen),
        tuple(
            (repr(r), _backend(selections), _plans(selections))
            for r, selections in zip(reductions, by_reduction, strict=True)
        ),
    )


def _with_log_weights(
    x: Any, windows: Any, reduction: Any, weights: Any, log_weights: Any, out: Any, **options: Any
) -> Explanation:
    """The calls with plain weights that compute the call, as one explanation."""
    library = library_of(x)
    x = library.array(x)
    call = LogWeighted(library, x, windows, reduction, weights, log_weights, options)
    _ = call.extremes  # its log-weights are valid
    each: list[tuple[Explanation, Part]] = []
    for part in call.parts():
        gathers = part.how == GATHERED
        weights_of_part = call.mask() if gathers else part.weights
        if part.how == LIFTED:
            weights_of_part = filled(zeros(part.log_weights), 1)
        how: dict[str, Any] = {**options, "backend": "reference"} if gathers else options
        one = explain(part.x, windows, part.reductions, weights=weights_of_part, **how)
        each.append((one, part))
    rows: dict[int, tuple[str, str, str]] = {}
    for one, part in each:
        rows.update(zip(part.indices, one.parts, strict=True))
    first = each[0][0]
    return replace(
        first,
        dtype=call.dtype,
        reduction=", ".join(repr(r) for r in call.reductions),
        backend="reference" if any(one.backend == "reference" for one, _ in each) else "cpu",
        engine="; ".join(dict.fromkeys(one.engine for one, _ in each if one.engine)),
        refusals=next((one.refusals for one, _ in each if one.refusals["cpu"]), first.refusals),
        operations=sum(one.operations for one, _ in each),
        bytes_read=sum(one.bytes_read for one, _ in each),
        bytes_written=sum(one.bytes_written for one, _ in each),
        parts=tuple(rows[i] for i in sorted(rows)),
        log_weights="; ".join(dict.fromkeys(part.how for _, part in each)),
    )


def _backend(chosen: list[Selection]) -> str:
    """ "reference" if it computes a part, else "cpu"."""
    return "reference" if any(s.plan.engine.backend == "reference" for s in chosen) else "cpu"


def _plans(chosen: list[Selection]) -> str:
    return "; ".join(dict.fromkeys(str(s.plan) for s in chosen if str(s.plan)))


def _refusals(chosen: list[Selection]) -> dict[str, str | None]:
    """The refusal of each backend; None if it computes every reduction."""
    refused = [s for s in chosen if s.plan.engine.backend == "reference"]
    why = next((sentence for s in refused for sentence in reversed(s.refusals.values())), "cpu: backend='reference'")
    return {"cpu": why if refused else None, "reference": None}


def _answers_shape(shape: tuple[int, ...], reduction: Any) -> tuple[int, ...]:
    many = reduction.answers() if isinstance(reduction, Order) else None
    return shape if many is None else (many[0], *shape) if many[1] == 0 else (*shape, many[0])
