"""softmax(): weights that sum to 1 in each window."""

from __future__ import annotations

from collections.abc import Iterable
from math import inf
from typing import Any

import numpy as np

from .arguments import library_of, plan_of
from .arrays.adapter import adapter_of
from .arrays.ops import exp, stop, where, zeros
from .arrays.shape_ops import as_like, axes_last, cast, dtype_name, filled, is_floating, moved, take
from .engines.per_window import owner_of
from .errors import PoolingError
from .evaluation import evaluate
from .flattening import flat_windows, flattened
from .plan import IndexedWindows, Ints
from .validation import check_weights


def softmax(a: Any, windows: Any, *, axes: int | Iterable[int] | None = None, weights: Any = None) -> Any:
    """The softmax of a within windows that share no element: wᵢ e^aᵢ / Σ wⱼ e^aⱼ, in a's shape.

    a: an array of floats of NumPy or torch, differentiable. windows: `whole()`, `segments(…)`,
    `groups(…)`, `padded(…)`, adjacent `sliding(…)` … axes: as in `pool`.
    weights: numbers of at least 0, or a mask, broadcastable to a. Elements of weight 0, in no
    window, or in a window without weight are 0.
    Logits of any size are exact, relative to the greatest of each window. Raises PoolingError for
    windows that share elements.

    >>> import numpy as np, anypool as ap
    >>> ap.softmax(np.log([1.0, 3.0, 5.0, 5.0]), ap.segments([0, 2, 4]), axes=0)
    array([0.25, 0.75, 0.5 , 0.5 ])
    """
    library = library_of(a)
    values = library.array(a)
    if not is_floating(values):
        raise PoolingError(f"softmax of {dtype_name(values)}: give floats")
    if library.instead(values) is not None:
        raise PoolingError("softmax of an array that is none of NumPy or torch: convert it first")
    if weights is not None:
        weights = library.as_weights(weights, values)
        check_weights(weights, tuple(values.shape))
    flat = flat_windows(windows, tuple(values.shape), axes)
    if flat is None:
        return library.apart((_within(library, values, windows, axes, weights),), values)[0]
    x, options = flattened(library, values, flat, {"axes": axes, "weights": weights})
    y = _within(library, x, flat.windows, options["axes"], options["weights"])
    at = min(flat.axes)
    y = y.reshape(*y.shape[:at], *(values.shape[k] for k in flat.axes), *y.shape[at + 1 :])
    return library.apart((moved(y, range(at, at + len(flat.axes)), flat.axes),), values)[0]


def _within(library: Any, a: Any, windows: Any, axes: Any, weights: Any) -> Any:
    plan = plan_of(windows, tuple(a.shape), axes)
    owner = _owner(plan)
    if owner is None:
        raise PoolingError(
            f"softmax within {windows!r}: an element lies in several windows; use windows that share none"
        )
    axes, dtype = tuple(plan.pooled_dims) if axes is None else axes, dtype_name(a)
    z = cast(a, "float32") if dtype in ("float16", "bfloat16") else a
    inside = (owner >= 0).reshape([n if d in plan.pooled_dims else 1 for d, n in enumerate(a.shape)])
    keep = None if bool((owner >= 0).all()) else as_like(inside, a, exact=True)
    if weights is not None:
        weights = weights.reshape((1,) * (a.ndim - weights.ndim) + tuple(weights.shape))
        there = stop(weights) != 0
        keep = there if keep is None else keep & there
    if keep is not None:
        z = where(keep, z, filled(z, -inf))
    most = stop(evaluate(stop(z), windows, "max", axes=axes, library=library))
    most = where(most > -inf, most, zeros(most))
    finite = z > -inf
    z = where(z == -inf, zeros(z), z - _spread(most, plan, owner))
    e = where(finite | (z != z), exp(z), zeros(z))
    if weights is not None:
        e = e * cast(weights, dtype_name(e))
    total = evaluate(e, windows, "sum", axes=axes, library=library)
    total = where(total == 0, total * 0 + 1, total)
    return cast(e / _spread(total, plan, owner), dtype)


def _spread(y: Any, plan: Any, owner: Ints) -> Any:
    """The value of its window at each element; of the first window at those in none."""
    results = getattr(plan, "result_dims", plan.pooled_dims)
    pooled, shape = plan.pooled_dims, plan.shape
    if 0 in tuple(y.shape) or 0 in shape:
        return adapter_of(y).full(shape, 1, dtype_name(y), y)
    if len(pooled) == len(results) and all(n == 1 for n in plan.windows_shape):
        return y
    if len(pooled) == 1:
        return adapter_of(y).take(y, np.maximum(owner, 0), pooled[0])
    rows = take(axes_last(y, plan.out_shape, results), np.maximum(owner, 0), 1)
    lead = [n for d, n in enumerate(shape) if d not in pooled]
    return moved(rows.reshape(*lead, *(shape[d] for d in pooled)), range(len(lead), len(shape)), pooled)


def _owner(plan: Any) -> Ints | None:
    """The window of each position of the pooled axes, −1 for none; None if windows share one."""
    if not all(hasattr(plan, name) for name in ("pooled_dims", "windows_shape")):
        return None
    if not isinstance(plan, IndexedWindows) or plan.group_ids is not None:
        return owner_of(plan)
    if len(plan.indices) != 1 or plan.groups is not None or plan.weighted or plan.outside:
        return None
    index = plan.indices[0].index
    owner = np.full(plan.indices[0].size, -1, np.int64)
    owner[index] = np.repeat(np.arange(plan.windows), plan.counts)
    return owner if int((owner >= 0).sum()) == len(index) else None
