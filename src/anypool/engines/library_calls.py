"""Calls with arrays of a library that has only an adapter: the reference computes them, or NumPy's
engines if the memory is shared.
"""

from __future__ import annotations

from typing import Any, cast

from ..arrays import numpy as numpy_arrays
from ..arrays.adapter import Adapter, adapter_of, is_numpy
from ..arrays.ops import greatest, smallest
from ..arrays.shape_ops import is_bool
from ..arrays.weights import check_bounds
from ..errors import PoolingError
from . import execute
from .plan import Bound


class LibraryCalls:
    """The functions that a call needs from the array library of its arguments and results."""

    def __init__(self, adapter: Adapter) -> None:
        self.adapter, self.NAME = adapter, adapter.NAME
        self.READY: dict[Any, Any] = {}
        self.dtype_name, self.wide, self.device, self.strides = (
            adapter.dtype_name,
            adapter.wide,
            adapter.device,
            adapter.strides,
        )

    def array(self, x: Any) -> Any:
        """x in the form that the engines read."""
        inner = self.adapter.enter(x, "x")
        return numpy_arrays.array(inner) if is_numpy(inner) else inner

    def instead(self, x: Any) -> Any:
        """The function that pools arrays whose memory NumPy can read, else None."""
        return self._by_numpy if is_numpy(x) else None

    def _by_numpy(
        self, pool: Any, x: Any, windows: Any, reduction: Any, weights: Any, out: Any, options: dict[str, Any]
    ) -> Any:
        if adapter_of(weights) is self.adapter:
            weights = self.adapter.enter(weights, "weights")
        y = pool(x, windows, reduction, weights=weights, **options)
        single = not isinstance(y, tuple)
        results: tuple[Any, ...] = (y,) if single else cast("tuple[Any, ...]", y)
        results = self.apart(results, x) if out is None else self.into(out, results)
        return results[0] if single else results

    def plain(self, x: Any) -> bool:
        """False: the compiled core reads no such array directly."""
        return False

    def compiling(self, out: Any) -> bool:
        """False: no tool records the call."""
        return False

    def transformed(self) -> bool:
        """False: no function is transformed."""
        return False

    def key(self, x: Any, call: tuple[Any, ...], weights: Any = None) -> Any:
        """None: these calls are not cached."""
        return None

    def as_weights(self, weights: Any, x: Any, name: str = "weights") -> Any:
        """The weights in x's library, or in NumPy."""
        if adapter_of(weights) is self.adapter:
            return self.adapter.enter(weights, name)
        return self.adapter.asarray(numpy_arrays.as_weights(weights, x, name), x)

    def check_weights(self, weights: Any, reduction: Any) -> None:
        """Raise PoolingError unless the weights are finite, and nonnegative if the reduction needs
        it."""
        if is_bool(weights) or 0 in weights.shape:
            return
        check_bounds(float(smallest(weights)), float(greatest(weights)), reduction, "g")

    def apart(self, results: tuple[Any, ...], x: Any) -> tuple[Any, ...]:
        """The results as arrays of the caller's library, in memory that is not x's."""
        return tuple(self.adapter.leave(self.adapter.copy(y) if not is_numpy(y) else y) for y in results)

    def into(self, out: Any, results: tuple[Any, ...]) -> tuple[Any, ...]:
        """Write the one result to `out`."""
        if len(results) != 1:
            raise PoolingError("out= takes one reduction; call once for each")
        y = results[0]
        result = self.adapter.leave(y)
        if type(out) is not type(result) or (tuple(out.shape), out.dtype) != (tuple(result.shape), result.dtype):
            kind = f"{type(result).__module__}.{type(result).__name__}"
            raise PoolingError(f"out must be a {kind} of shape {tuple(result.shape)} and dtype {result.dtype}")
        try:
            out[...] = result
        except (TypeError, ValueError) as error:
            raise PoolingError(f"out cannot be written: {error}") from error
        return (out,)

    def bound(self, plan: Any, call: Any, x: Any, weights: Any) -> tuple[Bound, bool]:
        """The plan for arrays like x and weights, and whether it checks their memory."""
        return plan.bind(call, x, weights), False

    def run(
        self, x: Any, grid: Any, reductions: tuple[Any, ...], weights: Any = None, **options: Any
    ) -> tuple[Any, ...]:
        """One result for each reduction of arrays that `array` and `as_weights` returned."""
        arrays: Any = self
        return execute.run(arrays, x, grid, reductions, weights, **options)

    def log_weighted(self, x: Any, job: Any, a: Any, out: Any, backend: str | None, reference: Any) -> Any:
        """None: no compiled fold reads such arrays."""
        return None

    def fold_together(self, x: Any, plans: list[Any], weights: Any) -> list[Any]:
        """None for each plan: no compiled fold reads such arrays."""
        return [None] * len(plans)
