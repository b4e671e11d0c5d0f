"""Calls with arrays of a library that has an adapter alone: the reference, or NumPy's engines where
it shares its memory."""

from __future__ import annotations

from typing import Any

from ..arrays import numpy as numpy_arrays
from ..arrays.adapter import Adapter, adapter_of, is_numpy
from ..arrays.ops import greatest, smallest
from ..arrays.shape_ops import is_bool
from ..arrays.weights import check_bounds
from ..errors import PoolingError
from . import execute
from .plan import Bound


class LibraryCalls:
    """What a call asks of the array library of its arguments and results."""

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
        """x as the engines read it."""
        inner = self.adapter.enter(x, "x")
        return numpy_arrays.array(inner) if is_numpy(inner) else inner

    def instead(self, x: Any) -> Any:
        """What pools arrays whose memory NumPy reads."""
        return self._by_numpy if is_numpy(x) else None

    def _by_numpy(
        self, pool: Any, x: Any, windows: Any, reduction: Any, weights: Any, out: Any, options: dict[str, Any]
    ) -> Any:
        if adapter_of(weights) is self.adapter:
            weights = self.adapter.enter(weights, "weights")
        y = pool(x, windows, reduction, weights=weights, **options)
        results = y if isinstance(y, tuple) else (y,)
        results = self.apart(results, x) if out is None else self.into(out, results)
        return results if isinstance(y, tuple) else results[0]

    def plain(self, x: Any) -> bool:
        """Whether the compiled core may read x: only what an adapter gives as NumPy's arrays."""
        return False

    def compiling(self, out: Any) -> bool:
        """Whether a tool records the call."""
        return False

    def transformed(self) -> bool:
        """Whether a function is being transformed."""
        return False

    def key(self, x: Any, call: tuple[Any, ...], weights: Any = None) -> Any:
        """None: these calls are not kept."""
        return None

    def as_weights(self, given: Any, x: Any) -> Any:
        """Weights in x's library, or NumPy's."""
        if adapter_of(given) is self.adapter:
            return self.adapter.enter(given, "weights")
        return self.adapter.asarray(numpy_arrays.as_weights(given, x), x)

    def check_weights(self, weights: Any, reduction: Any) -> None:
        """Weights are finite, and no less than zero unless the reduction is linear in them."""
        if is_bool(weights) or 0 in weights.shape:
            return
        check_bounds(float(smallest(weights)), float(greatest(weights)), reduction, "g")

    def apart(self, results: tuple[Any, ...], x: Any) -> tuple[Any, ...]:
        """Results as the caller's kind of array, which may be written to without changing x."""
        return tuple(self.adapter.leave(self.adapter.copy(y) if not is_numpy(y) else y) for y in results)

    def into(self, out: Any, results: tuple[Any, ...]) -> tuple[Any, ...]:
        """The one result, written to `out`."""
        if len(results) != 1:
            raise PoolingError("out= takes one reduction; call once for each")
        y = results[0]
        made = self.adapter.leave(y)
        if type(out) is not type(made) or (tuple(out.shape), out.dtype) != (tuple(made.shape), made.dtype):
            kind = f"{type(made).__module__}.{type(made).__name__}"
            raise PoolingError(f"out must be a {kind} of shape {tuple(made.shape)} and dtype {made.dtype}")
        try:
            out[...] = made
        except (TypeError, ValueError) as error:
            raise PoolingError(f"out cannot be written: {error}") from error
        return (out,)

    def bound(self, plan: Any, call: Any, x: Any, weights: Any) -> tuple[Bound, bool]:
        """The plan for arrays like x and weights, and whether it checks their memory."""
        return plan.bind(call, x, weights), False

    def run(
        self, x: Any, grid: Any, reductions: tuple[Any, ...], weights: Any = None, **options: Any
    ) -> tuple[Any, ...]:
        """One result a reduction of arrays as `array` and `as_weights` gave them."""
        arrays: Any = self
        return execute.run(arrays, x, grid, reductions, weights, **options)

    def folded_together(self, x: Any, plans: list[Any], weights: Any) -> list[Any]:
        """None for each plan: no compiled fold reads such arrays."""
        return [None] * len(plans)
