"""A compiled fold for NumPy arrays of one shape, layout and element type."""

from __future__ import annotations

import math
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from ...arrays import buffer_pool as memory
from ...arrays.adapter import is_numpy
from ...arrays.incoming import has_odd_bools
from ...arrays.numpy import address, strides
from ...plan import Job
from . import native as native_folds


class NativeFold:
    """One compiled fold for arrays of one form."""

    def __init__(self, job: Job, x: Any, weights: Any) -> None:
        self.x_dtype, self.shape_of_x = x.dtype, x.shape
        self.weights_type = "" if weights is None else native_folds.weights_type(job)
        if weights is None:
            self.prepared = native_folds.prepare(job, strides(x))
        else:
            w = self.weights_of(weights)
            w_strides = tuple(s // w.itemsize for s in np.broadcast_to(w, x.shape).strides)
            self.prepared = native_folds.prepare(job, strides(x), w_strides, w.dtype.name, checks=True)
        recipe = self.prepared.recipe
        kind = recipe.position_dtype if not recipe.values else recipe.result
        self.dtype = x.dtype if kind == x.dtype.name else np.dtype(kind)
        self.large = self.prepared.shape and math.prod(self.prepared.shape) * self.dtype.itemsize >= memory.LARGE

    def weights_of(self, weights: Any) -> Any:
        """Weights in the type that the core reads; a mask stays unchanged."""
        if weights is None or weights.dtype == np.bool_ or native_folds.reads(weights.dtype.name, self.weights_type):
            return weights
        return weights != 0 if self.weights_type == "bool" else weights.astype(self.weights_type)

    def allocate(self) -> Any:
        """Memory for the result, in the core's order of axes."""
        return memory.empty(self.prepared.shape, self.dtype)

    def to_user_order(self, y: Any) -> Any:
        """The result in x's order of axes."""
        return y if self.prepared.back is None else y.transpose(self.prepared.back)

    def record(self, x: Any, w: Any, y: Any) -> Any:
        """The record of the call, for several folds that read x together."""
        at = 0 if w is None else address(w)
        return self.prepared.record(
            address(x), at, *((address(y), 0) if self.prepared.recipe.values else (0, address(y)))
        )

    @property
    def bound(self) -> Any:
        """The fold of an array of this form, as one function that decides nothing per call."""
        prepared, dtype, back, shape = self.prepared, self.dtype, self.prepared.back, self.prepared.shape
        values, run, job = prepared.recipe.values, prepared.run, prepared.address
        own_weights = prepared.own_weights
        item, is_bool, weights_of = self.x_dtype.itemsize, self.x_dtype.kind == "b", self.weights_of
        allocate = memory.empty if self.large else np.empty

        def fold(x: Any, weights: Any = None, out: Any = None) -> Any:
            a = address(x)
            if a % item or (
                is_bool and has_odd_bools(x)
            ):  # the cache key does not include these; the caller then copies x
                return None
            if out is not None and _fits(out, x, prepared, dtype):
                y = out
            else:
                y, out = allocate(shape, dtype), None
            b = address(y)
            w = None if weights is None else weights_of(weights)
            outcome = run(job, a, own_weights if w is None else address(w), b if values else 0, 0 if values else b)
            if outcome and not native_folds.succeeded(outcome):
                return None
            result: Any = y
            return result if back is None or out is not None else result.transpose(back)

        fold.prepared = prepared  # type: ignore[attr-defined]  (keeps the tables alive)
        fold.checks_weights = prepared.checks_weights  # type: ignore[attr-defined]
        return fold


def _fits(out: Any, x: Any, prepared: Any, dtype: Any) -> bool:
    """Whether the core may write to `out` while it reads x."""
    if not is_numpy(out) or out.dtype != dtype or out.ndim != len(prepared.order):
        return False
    ordered = out if prepared.back is None else cast("NDArray[Any]", out.transpose(prepared.order))
    flags = ordered.flags
    fits = ordered.shape == prepared.shape and flags.c_contiguous and flags.writeable and flags.aligned
    return fits and not np.may_share_memory(out, x)
