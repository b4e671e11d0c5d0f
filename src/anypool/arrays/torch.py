"""PyTorch tensors: the backend chosen, and torch words where torch itself must see every step."""

from __future__ import annotations

import sys
from functools import partial
from typing import Any

import torch

from ..backends import cpu, reference
from ..choose import choose
from ..errors import PoolingError
from ..orders import Order
from ..plan import Grid, Job
from . import leaving, spans
from .incoming_torch import PLAIN, UNSIGNED, odd_at, tensor, truths
from .incoming_torch import as_weights as as_weights
from .incoming_torch import check_weights as check_weights
from .incoming_torch import transformed as transformed
from .results import whole, writable
from .tensors import empty, given, like_layout
from .tensors import into as into

DTYPES = frozenset("bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 float16 bfloat16 float32 float64".split())
NAMES: dict[Any, str] = {getattr(torch, name): name for name in DTYPES}
TYPES: dict[str, Any] = {name: dtype for dtype, name in NAMES.items()}
READY: dict[Any, Any] = {}  # calls seen before: nothing is left to decide
MOST_READY = 1024
_MODULE = sys.modules[__name__]


def array(x: Any) -> Any:
    """x as the backends read it, of an element type that has a meaning; no copy where none is needed."""
    x = tensor(x, "x")
    if dtype_name(x) not in DTYPES:
        way = "; pass x.to(torch.float32)" if x.is_floating_point() else ""
        raise PoolingError(f"x of dtype {x.dtype}: pooling has a meaning for {', '.join(sorted(DTYPES))}{way}")
    return x


def instead(x: Any) -> Any:
    """What pools elements that torch has few words for; None for all others."""
    if x.dtype not in UNSIGNED:
        return None
    from .unsigned import pooled

    return pooled


def dtype_name(x: Any) -> str:
    """NumPy's name of the element type."""
    return NAMES.get(x.dtype) or str(x.dtype).removeprefix("torch.")


def wide(dtype: str) -> str:
    """The element type of a sum of integers."""
    return "uint64" if dtype == "uint64" else "int64"


def compiling(out: Any) -> bool:
    """Whether a tool records the call: torch.jit.trace, or torch.compile, which sees an operator where none writes to `out`."""
    return leaving.is_tracing() or (out is None and torch.compiler.is_compiling())


def traced(x: Any, windows: Any, reduction: Any, *rest: Any) -> Any:
    """The call as that operator; PoolingError where the tool records torch's alone."""
    leaving.refuse("anypool.pool", leaving.recorder(x), reduction)
    from . import operators

    return operators.traced(x, windows, reduction, *rest)


def key(x: Any, call: tuple[Any, ...]) -> Any:
    """What tells this call from others, the data apart; None where calls are not remembered."""
    if type(x) not in PLAIN or transformed() or not x.is_cpu or x.is_neg():
        return None
    try:
        return (x.shape, x.stride(), x.dtype, x.requires_grad and torch.is_grad_enabled(), call)
    except RuntimeError:  # sparse and nested tensors have no strides
        return None


def run(
    x: Any,
    grid: Grid,
    reductions: tuple[Any, ...],
    weights: Any = None,
    *,
    omit_nan: bool = False,
    empty: float | None = None,
    out: Any = None,
    backend: str | None = None,
    remember: Any = None,
) -> tuple[Any, ...]:
    """One result a reduction of tensors as `array` and `as_weights` made them; `remember` is the key of a call that will
    come again."""
    from . import gradient

    if any(isinstance(r, Order) for r in reductions):
        return _with_orders(x, grid, reductions, weights, out, omit_nan=omit_nan, empty=empty, backend=backend)
    if spans.served(dtype_name(x), grid, reductions, weights, backend):
        return spans.run(_MODULE, x, grid, reductions, out, omit_nan=omit_nan, empty=empty)
    calls = [Call(grid.seen_by(r), r, omit_nan, empty, backend) for r in reductions]
    results: tuple[Any, ...]
    again = calls[0].again
    if out is not None and len(calls) == 1:
        calls[0].out = out
    if transformed():
        results = tuple(call.reference(x, weights)[0] for call in calls)
    elif any(_learns(x, weights, r) for r in reductions):
        results = tuple(gradient.apply(x, weights, call) for call in calls)
        again = partial(gradient.again, calls[0])
    else:
        results = forward(calls, x, weights)
    if remember is not None and len(calls) == 1 and calls[0].prepared is not None:
        if len(READY) >= MOST_READY:
            READY.clear()
        READY[remember] = again
    calls[0].out = None
    return results if out is None else into(out, results)


def _with_orders(x: Any, grid: Grid, reductions: tuple[Any, ...], weights: Any, out: Any, **options: Any) -> Any:
    from .orders_torch import pooled

    results = tuple(
        pooled(x, grid, r, weights, **options) if isinstance(r, Order) else run(x, grid, (r,), weights, **options)[0]
        for r in reductions
    )
    return results if out is None else into(out, results)


def _learns(x: Any, weights: Any, reduction: Any) -> bool:
    tensors = [x, weights, *getattr(reduction, "parameters", {}).values()]
    return torch.is_grad_enabled() and any(isinstance(t, torch.Tensor) and t.requires_grad for t in tensors)


def apart(results: tuple[Any, ...], x: Any) -> tuple[Any, ...]:
    """Results that the caller may write to: neither x nor a gradient changes by it."""
    return tuple(writable(y, x) for y in results)


def listed(x: Any, job: Job, placed: bool = False) -> Any:
    """One fold of windows that list their elements, or where it lies; None where torch must see every step."""
    from .lists_gradient import listed as made

    return None if transformed() or type(x) not in PLAIN or x.is_neg() else made(x, job, placed)


def summed(x: Any, job: Job) -> Any:
    """A fold of listed windows that is a function of sums; None where torch must see every step, or they do not serve."""
    from .lists_gradient import summed as made

    return None if transformed() or type(x) not in PLAIN or x.is_neg() else made(x, job)


def ordered(x: Any, job: Job) -> Any:
    """An order statistic of listed windows; None where torch must see every step."""
    from . import orders_listed

    watched = transformed() or type(x) not in PLAIN or x.is_neg()
    return None if watched or (torch.is_grad_enabled() and x.requires_grad) else orders_listed.forward(x.detach(), job)


def weighed(x: Any, job: Job) -> Any:
    """A sum or mean of listed windows whose weights learn; None where torch must see every step."""
    from . import lists_weights

    watched = transformed() or type(x) not in PLAIN or x.is_neg()
    return None if watched else lists_weights.forward(x, job)


class Call:
    """What one call needs besides tensors."""

    def __init__(self, grid: Grid, reduction: Any, omit_nan: bool, empty: float | None, backend: str | None) -> None:
        self.grid, self.reduction, self.omit_nan, self.empty, self.backend = grid, reduction, omit_nan, empty, backend
        self.prepared: Any = None
        self.item, self.truths = 1, 0  # bytes of an element of x, and what `truths` says of it
        self.places = False
        self.memory: tuple[Any, Any] = (None, None)  # shape and type of the values, of the places
        self.turned: tuple[Any, Any] = (None, None)  # strides of a gradient, and what is compiled for them
        self.out: Any = None  # memory that the caller gave
        self.saves: Any = None  # what backward needs, once it is known

    def reference(self, x: Any, weights: Any) -> tuple[Any, tuple[Any, ...]]:
        """The result and what backward needs, in torch words."""
        return reference.forward(x, self.grid, self.reduction, weights, self.omit_nan, self.empty)

    def prepare(self, x: Any, weights: Any, places: bool) -> tuple[int, Any]:
        """Meet x's strides, if the compiled core serves; the address of the weights and who holds them."""
        facts = None if weights is None else (tuple(weights.shape), dtype_name(weights))
        job = Job(self.grid, self.reduction, dtype_name(x), "torch", x.device.type, facts, self.omit_nan, self.empty)
        plain = type(x) in PLAIN and not x.is_neg()
        self.prepared, self.places, self.item, self.truths = None, places, x.element_size(), truths(x)
        if choose(job, self.backend) is not cpu or not plain or (places and cpu.refuses(job, True) is not None):
            return 0, None
        if weights is None:
            self._meet(cpu.prepare(job, x.stride(), None, "", places))
            return 0, None
        plane = cpu.plane_of(job)
        held = weights.detach()
        held = held if held.dtype == torch.bool else held.to(getattr(torch, plane))
        self._meet(cpu.prepare(job, x.stride(), held.expand(x.shape).stride(), dtype_name(held), places))
        return held.data_ptr(), held

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
            made = None if self.out is None or places else self.again_with(x, w, self.out)
            made = self.again_with(x, w) if made is None else made
            del held
            if made is not None:
                return made
        elif weights is None and not self.omit_nan and self.backend is None and x.is_cpu and x.is_floating_point():
            from . import factored

            summed = factored.forward(x.detach(), self.grid, self.reduction)
            if summed is not None:
                return summed, ()
        y, kept = self.reference(x, weights)
        return like_layout(y, x), kept

    def again_with(self, x: Any, w: int = 0, out: Any = None) -> Any:
        """The prepared fold of x; None where the numbers need the reference, or memory that was given does not serve."""
        try:
            at = x.data_ptr()
        except RuntimeError:  # a sparse tensor has no memory
            return None
        if not at or at % self.item or (self.truths and odd_at(at, self.truths, x)):  # what a key does not tell
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

    def again(self, x: Any, out: Any = None) -> Any:
        """The same fold of another tensor of this form."""
        made = self.again_with(x, 0, out)
        return None if made is None else made[0]


def forward(calls: list[Call], x: Any, weights: Any) -> tuple[Any, ...]:
    """Several folds of one tensor; those that are compiled read it once."""
    if len(calls) == 1:
        return (calls[0].forward(x, weights, False)[0],)
    prepared = [call.prepare(x, weights, False) for call in calls]
    memory = [call.fresh() if call.prepared is not None else (None, None) for call in calls]
    records = [
        call.prepared.at(x.data_ptr(), w, *(0 if m is None else m.data_ptr() for m in made))
        for call, (w, _), made in zip(calls, prepared, memory, strict=True)
        if call.prepared is not None
    ]
    done = bool(records) and cpu.forward_all(records)
    results: list[Any] = []
    for call, (y, place) in zip(calls, memory, strict=True):
        if done and call.prepared is not None:
            y, place = call.shown(y, place)
            results.append(place if y is None else y)
        else:
            results.append(like_layout(call.reference(x, weights)[0], x))
    return tuple(results)
