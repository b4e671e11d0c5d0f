"""Windows that name their elements, in any array library: the compiled core, or gathered runs."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import numpy as np

from ..backends import lists_cpu, lists_reference
from ..errors import PoolingError
from ..plan import Job, Lists
from . import numpy as numpy_arrays


def run(
    x: Any,
    lists: Lists,
    reductions: tuple[Any, ...],
    weights: Any = None,
    *,
    out: Any = None,
    backend: str | None = None,
    remember: Any = None,
    **options: Any,
) -> tuple[Any, ...]:
    """One result a reduction; x's gradient, the weights' and the taps' are the gathered elements' own."""
    del remember
    library = _library(x)
    if weights is not None:
        weights = library.as_weights(weights, x)
    if lists.split is not None:
        weights = None if weights is None else _laid(_expanded(weights, x.shape), lists.split)
        x = _laid(x, lists.split)
    results = tuple(_one(library, x, lists, r, weights, backend, options) for r in reductions)
    return results if out is None else library.into(out, results)


def _one(
    library: ModuleType, x: Any, lists: Lists, reduction: Any, weights: Any, backend: str | None, options: Any
) -> Any:
    if lists.fan > 1 and getattr(reduction, "gives", "value") == "position":
        raise PoolingError(
            f"{reduction!r} of interpolated points: a point is no element of x; use reading='quantised' or 'exact'"
        )
    facts = None if weights is None else (tuple(weights.shape), library.dtype_name(weights))
    device = str(getattr(x, "device", "cpu"))
    job = Job(
        lists, reduction, library.dtype_name(x), _name(library), device, facts, options["omit_nan"], options["empty"]
    )
    refusal = lists_cpu.refuses(job) if backend != "reference" else "the reference was asked for"
    if backend == "cpu" and refusal is not None:
        raise PoolingError(f"backend='cpu' refuses: {refusal}")
    if refusal is None and (made := library.listed(x, job)) is not None:
        return made

    def pooled(z: Any, grid: Any, reduction: Any, w: Any) -> Any:
        return library.run(z, grid, (reduction,), w, **options)[0]

    return lists_reference.forward(x, lists, reduction, weights, pooled)


def _laid(x: Any, split: tuple[int, ...]) -> Any:
    """x of (N, C · bins, …) with each bin's channel beside the others: (N, C, bins · length, …)."""
    rank, shape = len(split), tuple(x.shape)
    wide = x.reshape(shape[0], -1, *split, *shape[2:])
    order = (0, 1, *(a for k in range(rank) for a in (2 + k, 2 + rank + k)))
    turned = wide.transpose(order) if isinstance(x, np.ndarray) else wide.permute(order)
    return turned.reshape(shape[0], wide.shape[1], *(o * n for o, n in zip(split, shape[2:], strict=True)))


def _expanded(weights: Any, shape: Any) -> Any:
    return np.broadcast_to(weights, shape) if isinstance(weights, np.ndarray) else weights.expand(shape)


def _library(x: Any) -> ModuleType:
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(x, torch.Tensor):
        from . import torch as torch_arrays

        return torch_arrays
    return numpy_arrays


def _name(library: ModuleType) -> str:
    return library.__name__.rpartition(".")[2]
