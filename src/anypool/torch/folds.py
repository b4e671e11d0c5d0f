"""A compiled fold of tensors of one form: its strides, its memory, what its gradient needs."""

from __future__ import annotations

import math
from typing import Any

import torch

from ..arrays.buffer_pool import LARGE
from ..arrays.torch_dtypes import TYPES, dtype_name
from ..arrays.torch_incoming import ordinary, read_address, truths
from ..arrays.torch_memory import empty, given, like_layout
from ..arrays.torch_results import whole
from ..engines.folds import native as cpu
from ..engines.plan import Bound
from ..engines.reference import fold as reference
from ..plan import Grid, Job
from . import linear_forms


class Call:
    """What one call needs besides tensors."""

    def __init__(self, grid: Grid, reduction: Any, omit_nan: bool, empty: float | None, backend: str | None) -> None:
        self.grid, self.reduction, self.omit_nan, self.empty, self.backend = grid, reduction, omit_nan, empty, backend
        self.prepared: Any = None
        self.item, self.truths = 1, 0  # bytes of an element of x, and what `truths` says of it
        self.places = False
        self.plane: Any = None  # torch's type of the planes that weights multiply
        self.memory: tuple[Any, Any] = (None, None)  # shape and type of the values, of the places
        self.turned: tuple[Any, Any] = (None, None)  # strides of a gradient, and what is compiled for them
        self.saves: Any = None  # what backward needs, once it is known

    def reference(self, x: Any, weights: Any) -> tuple[Any, tuple[Any, ...]]:
        """The result and what backward needs, in torch words."""
        return reference.forward(x, self.grid, self.reduction, weights, self.omit_nan, self.empty)

    def prepare(self, x: Any, weights: Any, places: bool) -> tuple[int, Any]:
        """Meet x's strides, if the compiled core serves; the address of the weights and who holds them."""
        facts = None if weights is None else (tuple(weights.shape), dtype_name(weights))
        job = Job(self.grid, self.reduction, dtype_name(x), "torch", x.device.type, facts, self.omit_nan, self.empty)
        plain = ordinary(x)
        self.prepared, self.places, self.item, self.truths = None, places, x.element_size(), truths(x)
        if self.backend == "reference" or not plain or cpu.refuses(job, places) is not None:
            return 0, None
        if weights is None:
            self._meet(cpu.prepare(job, x.stride(), None, "", places))
            return 0, None
        self.plane = getattr(torch, cpu.plane_of(job))
        held = self._held(weights)
        self._meet(cpu.prepare(job, x.stride(), held.expand(x.shape).stride(), dtype_name(held), places))
        return held.data_ptr(), held

    def _held(self, weights: Any) -> Any:
        """Weights in the type that the core multiplies by; a mask stays as it is."""
        held = weights.detach()
        return held if held.dtype == torch.bool else held.to(self.plane)

    def _meet(self, prepared: Any) -> None:
        made, shape = prepared.recipe, prepared.shape
        self.prepared, self.turned = prepared, (None, None)
        self.memory = (
            (shape, TYPES[made.result]) if made.values else None,
            (shape, TYPES[made.places]) if made.places else None,
        )

    def fresh(self) -> tuple[Any, Any]:
        """Memory for the values and for the places, where they are wanted."""
        y, place = self.memory
        return None if y is None else empty(*y), None if place is None else empty(*place)

    def shown(self, y: Any, place: Any) -> tuple[Any, Any]:
        """Memory in x's order of axes."""
        back = self.prepared.back
        if back is None:
            return y, place
        return None if y is None else whole(y.permute(back)), None if place is None else whole(place.permute(back))

    def forward(self, x: Any, weights: Any, places: bool) -> tuple[Any, tuple[Any, ...]]:
        """The result and what backward needs besides x and it."""
        w, held = self.prepare(x, weights, places)
        if self.prepared is not None:
            made = self.again_with(x, w)
            del held
            if made is not None:
                return made
        elif weights is None and not self.omit_nan and self.backend is None and x.is_cpu and x.is_floating_point():
            summed = linear_forms.forward(x.detach(), self.grid, self.reduction)
            if summed is not None:
                return summed, ()
        y, kept = self.reference(x, weights)
        return like_layout(y, x), kept

    def again_with(self, x: Any, w: int = 0, out: Any = None) -> Any:
        """The prepared fold of x; None where the numbers need the reference, or memory that was given does not serve."""
        at = read_address(x, self.item, self.truths)  # what a key does not tell
        if not at:
            return None
        if out is None:
            y, place = self.fresh()
        else:
            laid = None if None not in self.memory else given(out, x, self.memory[0] or self.memory[1], self.prepared)
            if laid is None:
                return None
            y, place = (laid, None) if self.memory[0] is not None else (None, laid)
        done = self.prepared.forward(at, w, 0 if y is None else y.data_ptr(), 0 if place is None else place.data_ptr())
        if not done:
            return None
        if out is not None:
            return out, ()
        y, place = self.shown(y, place)
        return (place, ()) if y is None else (y, () if place is None else (place,))

    @property
    def bound(self) -> Bound:
        """The fold of a tensor of this form, with nothing left to decide where it has neither weights nor `out`."""
        (shape, dtype), prepared = next(m for m in self.memory if m is not None), self.prepared
        values, back, item, bools = prepared.recipe.values, prepared.back, self.item, self.truths
        run, job, table, again = prepared.run, prepared.address, prepared.weights, self.again
        w, new = 0 if table is None else table.address, self.new

        def fold(x: Any, weights: Any = None, out: Any = None) -> Any:
            if weights is not None or out is not None:
                return again(x, weights, out)
            at = read_address(x, item, bools)
            if not at:
                return None
            y = new(shape, dtype=dtype, device="cpu")
            to = y.data_ptr()
            outcome = run(job, at, w, to if values else 0, 0 if values else to)
            if outcome and not cpu.was_done(outcome):
                return None
            return y if back is None else whole(y.permute(back))

        return fold

    @property
    def new(self) -> Any:
        """What allocates a result: torch's own function, but for large results."""
        shape, dtype = next(m for m in self.memory if m is not None)
        small = math.prod(shape) * dtype.itemsize < LARGE
        return torch.empty if small else lambda shape, dtype, device: empty(shape, dtype)

    def again(self, x: Any, weights: Any = None, out: Any = None) -> Any:
        """The fold of a tensor of this form; None where the numbers need another engine."""
        w, held = 0, None
        if self.prepared is None:
            w, held = self.prepare(x, weights, False)
            if self.prepared is None:
                return None
        elif weights is not None:
            held = self._held(weights)
            w = held.data_ptr()
        made = None if out is None else self.again_with(x, w, out)
        made = self.again_with(x, w) if made is None else made
        del held
        return None if made is None else made[0]
