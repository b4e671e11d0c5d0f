"""accelerate(): replaces torch's pooling layers if the numbers are equal and the measured time is
shorter."""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from ..timing import in_turns, ratio
from . import layers
from .accelerated import accelerated, name_of
from .pooling_layers import ADAPTIVE, SLIDING, evaluating, is_pooling, rank_of
from .swap import replace, restated

TYPICAL = {1: (8, 64, 2048), 2: (8, 64, 56, 56), 3: (2, 16, 16, 32, 32)}
LAYER, MODEL = 0.1, 2.0  # seconds of measurement
Changes = list[tuple[str, nn.Module, nn.Module]]


def accelerate(model: nn.Module, sample: Any = None, *, only_faster: bool = True, quiet: bool = False) -> Any:
    """Replace torch's pooling layers in place if the numbers are equal and anypool is faster; print
    the gains.

    sample: an input of the model, or a tuple of inputs. Each layer is measured on its input, and
    the whole model before and after, in turns (evaluation mode, no gradients). If the whole model
    is not faster, nothing is replaced. Without a sample, typical arrays are used and the model is
    not measured. Pooling functions that the model calls are listed; `accelerated` replaces them.
    only_faster: False replaces every layer with equal numbers. Returns the model.

    >>> net = accelerate(nn.Sequential(nn.MaxPool2d(2)), torch.ones(1, 1, 8, 8), only_faster=False, quiet=True)
    >>> type(net[0]).__module__
    'anypool.nn.layers'
    """
    kinds = {k: getattr(layers, k.__name__) for k in (*SLIDING, *ADAPTIVE)}
    sites = [(n, m) for n, m in model.named_modules(remove_duplicate=False) if type(m) in kinds]
    arguments = sample if isinstance(sample, tuple) else (sample,)
    inputs, functions = _typical_inputs(sites) if sample is None else _inputs_of_layers(model, sites, arguments)
    replacements: dict[int, nn.Module] = {}
    lines: list[str] = []
    for name, old in sites:
        if id(old) not in replacements and id(old) in inputs:
            new = restated(old, kinds[type(old)])
            comparison, gains = _compare(old, new, inputs.pop(id(old)))
            if gains is not None and (gains or not only_faster):
                replacements[id(old)] = new
            lines.append(
                f"{name or 'the model'}: {type(old).__name__} "
                f"{comparison}{'' if id(old) in replacements else '; torch stays'}"
            )
    if not sites:
        lines.append("the model has no pooling layer of torch's")
    changes = [(n, m, replacements[id(m)]) for n, m in sites if id(m) in replacements]
    if sample is None:
        model = replace(model, changes)
        lines += ["the whole model was not measured: give a sample"] if changes else []
    elif changes or functions:
        model, more = _measure_model(model, changes, arguments, functions, only_faster)
        lines += more
    if not quiet:
        print("\n".join(lines))
    return model


def _compare(old: nn.Module, new: nn.Module, x: torch.Tensor) -> tuple[str, bool | None]:
    """The difference of two layers, and whether the new one is faster; None if their numbers
    differ.
    """
    with torch.no_grad():
        try:
            equal, gap = _equal(old(x), new(x))
        except Exception as error:  # the layer is not replaced, and the report has the reason
            return f"on {tuple(x.shape)}: {error}", None
        if not equal:
            return f"on {tuple(x.shape)}: the numbers differ by {gap:.2g}", None
        speedup = ratio(*in_turns([partial(old, x), partial(new, x)], LAYER))
    times = f"torch {speedup.before * 1e3:.3f} ms, anypool {speedup.after * 1e3:.3f} ms"
    return f"on {tuple(x.shape)}: {times}, {speedup}", speedup.low > 1


def _measure_model(
    model: nn.Module, changes: Changes, sample: Any, functions: Counter[str], only_faster: bool
) -> tuple[nn.Module, list[str]]:
    """The model with the changes that pay off, and the lines of the report."""
    back = [(n, new, old) for n, old, new in changes]

    def run(before: bool, inside: bool = False) -> None:
        changed = replace(model, back if before else changes)
        if inside:
            with accelerated():
                changed(*sample)
        else:
            changed(*sample)

    arms = [partial(run, True)] + [partial(run, False)] * bool(changes) + [partial(run, False, True)] * bool(functions)
    with torch.no_grad(), evaluating(model):
        times = in_turns(arms, MODEL)
    lines: list[str] = []
    is_faster = True
    if changes:
        speedup = ratio(times[0], times[1])
        is_faster = speedup.middle >= 1 or not only_faster
        lines.append(
            f"the whole model: {speedup.before * 1e3:.3f} ms before, {speedup.after * 1e3:.3f} ms "
            f"after, {speedup}, {speedup.rounds} "
            f"rounds; {f'{len(changes)} layers replaced' if is_faster else 'it is not faster, so nothing was replaced'}"
        )
    if functions:
        speedup = ratio(times[0], times[-1])
        named = ", ".join(f"{name} {many} times" for name, many in sorted(functions.items()))
        lines.append(
            f"pooling called as a function: {named}; `with anypool.nn.accelerated():` reaches it: "
            f"{speedup.after * 1e3:.3f} ms, {speedup}"
        )
    return replace(model, changes if is_faster else back), lines


def _typical_inputs(sites: list[tuple[str, nn.Module]]) -> tuple[dict[int, torch.Tensor], Counter[str]]:
    generator = torch.Generator(device="cpu").manual_seed(0)
    return {
        id(m): torch.randn(TYPICAL[rank_of(m)], generator=generator, dtype=torch.float32, device="cpu")
        for _, m in sites
    }, Counter()


def _inputs_of_layers(
    model: nn.Module, sites: list[tuple[str, nn.Module]], sample: Any
) -> tuple[dict[int, torch.Tensor], Counter[str]]:
    """The input of each layer when the model runs on the sample, and the pooling functions that it
    calls."""
    inputs: dict[int, torch.Tensor] = {}
    inside: list[nn.Module] = []
    called: Counter[str] = Counter()

    class Listening(TorchFunctionMode):
        def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            name = name_of(func)
            if name is not None and not inside:
                called[name] += 1
            return func(*args, **(kwargs or {}))

    def enter(module: nn.Module, args: Any) -> None:
        inside.append(module)

    def leave(module: nn.Module, args: Any, y: Any) -> None:
        inside.pop()

    hooks = [m.register_forward_pre_hook(lambda m, x: inputs.__setitem__(id(m), x[0].detach())) for _, m in sites]
    for module in model.modules():
        if is_pooling(module):
            hooks += [module.register_forward_pre_hook(enter), module.register_forward_hook(leave)]
    try:
        with torch.no_grad(), evaluating(model), Listening():
            model(*sample)
    finally:
        for hook in hooks:
            hook.remove()
    return inputs, called


def _equal(theirs: Any, ours: Any) -> tuple[bool, float]:
    pairs = list(zip(theirs, ours, strict=True)) if isinstance(theirs, tuple) else [(theirs, ours)]
    gap = max(float((a.double() - b.double()).abs().max()) if a.numel() else 0.0 for a, b in pairs)
    close = all(a.shape == b.shape and torch.allclose(a, b, rtol=1e-5, atol=1e-6, equal_nan=True) for a, b in pairs)
    return close, gap
