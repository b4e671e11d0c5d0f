"""A compiled fold of tensors of one form: its strides, its memory, and the needs of its
gradient."""

from __future__ import annotations

import math
from typing import Any

import torch

from ..arrays.buffer_pool import LARGE
from ..arrays.torch_dtypes import TYPES, dtype_name
from ..arrays.torch_incoming import bool_count, check_weights, ordinary, read_address
from ..arrays.torch_memory import empty, like_layout, writable_view
from ..arrays.torch_results import without_view
from ..engines.folds import native as native_folds
from ..engines.plan import Bound
from ..engines.reference import fold as reference
from ..plan import Grid, Job
from . import linear_forms


class TensorFold:
    """One fold for tensors of one form."""

    def __init__(
        self,
        grid: Grid,
        reduction: Any,
        omit_nan: bool,
        empty: float | None,
        backend: str | None,
        logs: bool = False,
    ) -> None:
        self.logs = logs  # the weights are logarithms
        self.grid, self.reduction, self.omit_nan, self.empty, self.backend = grid, reduction, omit_nan, empty, backend
        self.prepared: Any = None
        self.item, self.bool_count = 1, 0  # bytes of an element of x, and the result of `bool_count(x)`
        self.with_positions = False
        self.weights_name, self.weights_type = "", None  # the type in which the core reads weights
        self.memory: tuple[Any, Any] = (None, None)  # shape and type of the values, and of the positions
        # The strides of a gradient, and the compiled sum over the adjoint Grid for them.
        self.adjoint_sum: tuple[Any, Any] = (None, None)
        self.saves: Any = None  # the needs of backward, once they are known

    def reference(self, x: Any, weights: Any) -> tuple[Any, tuple[Any, ...]]:
        """The result and the tensors that backward needs, in torch's own functions."""
        return reference.forward(x, self.grid, self.reduction, weights, self.omit_nan, self.empty)

    def job(self, x: Any, weights: Any) -> Job:
        """The call without its data."""
        facts = None if weights is None else (tuple(weights.shape), dtype_name(weights))
        return Job(
            self.grid,
            self.reduction,
            dtype_name(x),
            "torch",
            x.device.type,
            facts,
            self.omit_nan,
            self.empty,
            self.logs,
        )

    def prepare(self, x: Any, weights: Any, with_positions: bool) -> tuple[int, Any]:
        """Prepare the compiled fold for x's layout, if it is supported; the address and the tensor
        of the weights."""
        job = self.job(x, weights)
        is_ordinary = ordinary(x)
        self.prepared, self.with_positions = None, with_positions
        self.item, self.bool_count = x.element_size(), bool_count(x)
        if self.backend == "reference" or not is_ordinary or native_folds.refuses(job, with_positions) is not None:
            return 0, None
        if weights is None:
            self._set_prepared(native_folds.prepare(job, x.stride(), None, "", with_positions))
            return 0, None
        self.weights_name = native_folds.weights_type(job)
        self.weights_type = getattr(torch, self.weights_name)
        w_tensor = self._plane_weights(weights)
        self._set_prepared(
            native_folds.prepare(
                job, x.stride(), w_tensor.expand(x.shape).stride(), dtype_name(w_tensor), with_positions, checks=True
            )
        )
        return w_tensor.data_ptr(), w_tensor

    def _plane_weights(self, weights: Any) -> Any:
        """Weights in the type that the core reads; a mask stays unchanged."""
        w = weights.detach()
        if w.dtype == torch.bool or native_folds.reads(dtype_name(w), self.weights_name):
            return w
        return w != 0 if self.weights_type == torch.bool else w.to(self.weights_type)

    def _set_prepared(self, prepared: Any) -> None:
        recipe, shape = prepared.recipe, prepared.shape
        self.prepared, self.adjoint_sum = prepared, (None, None)
        self.memory = (
            (shape, TYPES[recipe.result]) if recipe.values else None,
            (shape, TYPES[recipe.position_dtype]) if recipe.position_dtype else None,
        )

    @property
    def checks_weights(self) -> bool:
        """Whether the prepared fold raises InvalidWeight for invalid weights."""
        return self.prepared is not None and self.prepared.checks_weights

    def allocate(self) -> tuple[Any, Any]:
        """Memory for the values and for the positions, as far as they are needed."""
        y, positions_memory = self.memory
        return None if y is None else empty(*y), None if positions_memory is None else empty(*positions_memory)

    def to_user_order(self, y: Any, positions: Any) -> tuple[Any, Any]:
        """The results in x's order of axes."""
        back = self.prepared.back
        if back is None:
            return y, positions
        return None if y is None else without_view(y.permute(back)), None if positions is None else without_view(
            positions.permute(back)
        )

    def forward(self, x: Any, weights: Any, with_positions: bool) -> tuple[Any, tuple[Any, ...]]:
        """The result and the tensors that backward needs besides x and y."""
        w, w_tensor = self.prepare(x, weights, with_positions)
        if weights is not None and not self.checks_weights:
            check_weights(weights, self.reduction)
        if self.prepared is not None:
            result = self.run_prepared(x, w)
            del w_tensor
            if result is not None:
                return result
            if self.checks_weights:  # it may have read some of them
                check_weights(weights, self.reduction)
        elif self.backend is None and x.is_cpu and x.is_floating_point() and not with_positions:
            y_by_sums = linear_forms.forward(x.detach(), self.job(x, weights), weights)
            if y_by_sums is not None:
                return y_by_sums, ()
        y, saved = self.reference(x, weights)
        return like_layout(y, x), saved

    def run_prepared(self, x: Any, w: int = 0, out: Any = None) -> Any:
        """The prepared fold of x; None if the values need the reference, or `out` cannot be
        written."""
        address = read_address(x, self.item, self.bool_count)  # the cache key does not include the layout of bools
        if not address:
            return None
        if out is None:
            y, positions = self.allocate()
        else:
            target = (
                None
                if None not in self.memory
                else writable_view(out, x, self.memory[0] or self.memory[1], self.prepared)
            )
            if target is None:
                return None
            y, positions = (target, None) if self.memory[0] is not None else (None, target)
        is_safe = self.prepared.forward(
            address, w, 0 if y is None else y.data_ptr(), 0 if positions is None else positions.data_ptr()
        )
        if not is_safe:
            return None
        if out is not None:
            return out, ()
        y, positions = self.to_user_order(y, positions)
        return (positions, ()) if y is None else (y, () if positions is None else (positions,))

    @property
    def bound(self) -> Bound:
        """The fold of a tensor of this form as a function; the call without weights and `out` needs
        no decision."""
        (shape, dtype), prepared = next(m for m in self.memory if m is not None), self.prepared
        values, back, item, bools = prepared.recipe.values, prepared.back, self.item, self.bool_count
        kernel, job, table, run = prepared.run, prepared.address, prepared.weights, self.run
        w, new = 0 if table is None else table.address, self.new

        def fold(x: Any, weights: Any = None, out: Any = None) -> Any:
            if weights is not None or out is not None:
                return run(x, weights, out)
            address = read_address(x, item, bools)
            if not address:
                return None
            y = new(shape, dtype=dtype, device="cpu")
            y_address = y.data_ptr()
            outcome = kernel(job, address, w, y_address if values else 0, 0 if values else y_address)
            if outcome and not native_folds.succeeded(outcome):
                return None
            return y if back is None else without_view(y.permute(back))

        fold.checks_weights = self.checks_weights  # type: ignore[attr-defined]
        return fold

    @property
    def new(self) -> Any:
        """The allocator of a result: torch.empty, or the buffer pool for large results."""
        shape, dtype = next(m for m in self.memory if m is not None)
        small = math.prod(shape) * dtype.itemsize < LARGE
        return torch.empty if small else lambda shape, dtype, device: empty(shape, dtype)

    def run(self, x: Any, weights: Any = None, out: Any = None) -> Any:
        """The fold of a tensor of this form; None if the values need another engine."""
        w, w_tensor = 0, None
        if self.prepared is None:
            w, w_tensor = self.prepare(x, weights, False)
            if self.prepared is None:
                return None
        elif weights is not None:
            w_tensor = self._plane_weights(weights)
            w = w_tensor.data_ptr()
        result = None if out is None else self.run_prepared(x, w, out)
        result = self.run_prepared(x, w) if result is None else result
        del w_tensor
        return None if result is None else result[0]
