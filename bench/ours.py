"""anypool's own calls for a case, and which backend really answered."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch

import anypool as ap
from anypool.engines.reference import fold as reference
from anypool.engines.reference import sorted as orders_reference
from anypool.errors import PoolingError
from anypool.torch import ranks as torch_ranks

from .cases import Case
from .data import numpy_of

Call = Callable[[], Any]


class TooSlow(PoolingError):
    """One call takes longer than a case is worth."""


@contextmanager
def watched() -> Iterator[list[str]]:
    """Collect the names of the reference functions that run; none: the compiled core did all the
    work."""
    seen: list[str] = []
    watchable = (
        (reference, "forward"),
        (reference, "backward"),
        (orders_reference, "forward"),
        (torch_ranks, "reference_gradient"),
    )
    originals = {(module, name): getattr(module, name) for module, name in watchable}

    def watcher(key: Any) -> Call:
        def run(*args: Any, **options: Any) -> Any:
            seen.append(key[1])
            return originals[key](*args, **options)

        return run

    for module, name in originals:
        setattr(module, name, watcher((module, name)))
    try:
        yield seen
    finally:
        for (module, name), original in originals.items():
            setattr(module, name, original)


def calls_of(case: Case, x: torch.Tensor) -> dict[str, Call]:
    """The forms of the call: "torch new" allocates its result, "torch out" writes to existing
    memory …"""
    if case.ours is not None:
        return case.ours(case, x)
    windows, reduction, axes = case.windows, case.reduction, case.axes
    if case.direction != "forward":
        return {"torch new": gradient_call(case, x, lambda t: ap.pool(t, windows, reduction, axes=axes))}
    array, options = numpy_of(x), case.options
    if case.learns:
        leaf = x.detach().requires_grad_()
        return {"torch new": lambda: ap.pool(leaf, windows, reduction, axes=axes, **options)}
    calls: dict[str, Call] = {}
    for library, source in (("torch", x), ("numpy", array)):
        if (case.group == "small" or case.library == "numpy") and case.library != library:
            continue
        calls[f"{library} new"] = lambda s=source: ap.pool(s, windows, reduction, axes=axes, **options)
        if isinstance(reduction, str) and case.group != "small":
            y = ap.pool(source, windows, reduction, axes=axes, **options)
            calls[f"{library} out"] = lambda s=source, y=y: ap.pool(s, windows, reduction, axes=axes, out=y, **options)
    return calls


def gradient_call(case: Case, x: torch.Tensor, forward: Callable[[torch.Tensor], Any]) -> Call:
    """The gradient alone, or a whole training step."""
    leaf = x.clone(memory_format=torch.preserve_format).requires_grad_()
    y = forward(leaf)
    g = torch.ones_like(y) if case.group == "small" else torch.linspace(0.5, 1.5, y.numel()).reshape(y.shape)
    if case.direction == "backward":
        return lambda: torch.autograd.grad(y, leaf, g, retain_graph=True)[0]
    return lambda: torch.autograd.grad(forward(leaf), leaf, g)[0]
