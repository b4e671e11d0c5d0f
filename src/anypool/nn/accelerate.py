"""accelerate(): torch's pooling layers swapped for ours, equal numbers checked and the speed measured."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from . import layers
from .sites import ADAPTIVE, SLIDING, evaluating, rank_of
from .swap import replace, restated

TYPICAL = {1: (8, 64, 2048), 2: (8, 64, 56, 56), 3: (2, 16, 16, 32, 32)}


def accelerate(model: nn.Module, sample: Any = None, *, only_faster: bool = False, quiet: bool = False) -> Any:
    """Swap torch's own pooling layers for ours in place where the numbers are equal; print the measured speed-up.

    sample: an input of the model, so that every layer is measured on what really reaches it; without it a
    typical array is used. only_faster: keep torch's layer where ours was not faster. Returns the model.

    >>> net = accelerate(nn.Sequential(nn.MaxPool2d(2)), torch.ones(1, 1, 8, 8), quiet=True)
    >>> type(net[0]).__module__
    'anypool.nn.layers'
    """
    kinds = {k: getattr(layers, k.__name__) for k in (*SLIDING, *ADAPTIVE)}
    sites = [(n, m) for n, m in model.named_modules(remove_duplicate=False) if type(m) in kinds]
    inputs = _inputs(model, sites, sample)
    made: dict[int, Any] = {}
    lines: list[str] = []
    totals = [0.0, 0.0]
    for name, old in sites:
        if id(old) in made or id(old) not in inputs:
            continue
        new: Any = restated(old, kinds[type(old)])
        x = inputs[id(old)]
        try:
            equal, gap = _equal(old(x), new(x))
        except Exception as error:  # the layer stays torch's, and the reason is said
            lines.append(f"{name or 'the model'}: kept, {error}")
            continue
        if not equal:
            lines.append(f"{name or 'the model'}: {type(old).__name__} kept, its numbers differ by {gap:.2g}")
            continue
        theirs, ours = fastest(lambda o=old, v=x: o(v)), fastest(lambda o=new, v=x: o(v))
        faster = theirs / ours
        kept = only_faster and faster <= 1
        if not kept:
            made[id(old)] = new
            totals[0] += theirs
            totals[1] += ours
        lines.append(
            f"{name or 'the model'}: {type(old).__name__} on {tuple(x.shape)}: torch {theirs * 1e3:.3f} ms, "
            f"anypool {ours * 1e3:.3f} ms, {faster:.2f} times as fast{', kept' if kept else ''}"
        )
    model = replace(model, [(n, m, made[id(m)]) for n, m in sites if id(m) in made])
    if not quiet:
        print("\n".join(lines) if lines else "the model has no pooling layer of torch's")
        if made:
            print(f"{len(made)} layers: {totals[0] / totals[1]:.2f} times as fast together, equal numbers")
    return model


def fastest(call: Callable[[], Any], seconds: float = 0.05) -> float:
    """The shortest time of several calls, in seconds."""
    with torch.no_grad():
        call()
        best, spent, count = float("inf"), 0.0, 0
        while count < 3 or (spent < seconds and count < 100):
            begin = time.perf_counter()
            call()
            took = time.perf_counter() - begin
            best, spent, count = min(best, took), spent + took, count + 1
    return best


def _inputs(model: nn.Module, sites: list[tuple[str, nn.Module]], sample: Any) -> dict[int, torch.Tensor]:
    """What reaches each site when the model sees the sample."""
    if sample is None:
        generator = torch.Generator("cpu").manual_seed(0)
        here: dict[str, Any] = {"generator": generator, "dtype": torch.float32, "device": "cpu"}
        return {id(m): torch.randn(TYPICAL[rank_of(m)], **here) for _, m in sites}
    seen: dict[int, torch.Tensor] = {}
    hooks = [m.register_forward_pre_hook(lambda m, x: seen.__setitem__(id(m), x[0].detach())) for _, m in sites]
    try:
        with torch.no_grad(), evaluating(model):
            model(*(sample if isinstance(sample, tuple) else (sample,)))
    finally:
        for hook in hooks:
            hook.remove()
    return seen


def _equal(theirs: Any, ours: Any) -> tuple[bool, float]:
    pairs = list(zip(theirs, ours, strict=True)) if isinstance(theirs, tuple) else [(theirs, ours)]
    gap = max(float((a.double() - b.double()).abs().max()) if a.numel() else 0.0 for a, b in pairs)
    close = all(a.shape == b.shape and torch.allclose(a, b, rtol=1e-5, atol=1e-6) for a, b in pairs)
    return close, gap
