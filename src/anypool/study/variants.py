"""Arms (variants of a study): the pooling at each site of a model."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ..errors import PoolingError
from ..expressions import reduction_from, windows_from
from ..nn.pooling_layers import (
    CONVOLUTIONS,
    LAYERS,
    SLIDING,
    evaluating,
    is_pooling,
    is_strided,
    rank_of,
    windows_of,
)
from ..nn.swap import pooled, replace, restated
from ..reductions import reduction_of
from ..scalars import entries
from ..windows.sliding import Sliding

BASELINES = ("max", "mean", "strided", "none")
SPECIAL = {
    "none": "no pooling: the layer is removed",
    "strided": "the convolution before takes the stride: equal parameters",
    "conv": "a learned 3×3 convolution of the same stride: more parameters",
    "blur": "max at stride 1, then a binomial 3×3 mean at the stride (Zhang 2019)",
}


@dataclass(frozen=True)
class Arm:
    """One variant: the choice for each pattern of site names, and a model if it is not that of the
    study.
    """

    name: str
    choices: tuple[tuple[str, str], ...]
    model: str = ""

    @property
    def text(self) -> str:
        """The choices in the syntax of the command line."""
        plain = ";".join(c if s == "*" else f"{s}={c}" for s, c in self.choices)
        return f"{plain} in {self.model}" if self.model else plain


def arm_of(text: str, name: str = "", model: str = "") -> Arm:
    """The arm of a text: "max", "Lp(3)@sliding((3, 3), 2, 1)", "pool1=max;pool2=mean", "strided",
    "none".

    >>> arm_of("pool1=max;pool2=Lp(3)").choices
    (('pool1', 'max'), ('pool2', 'Lp(3)'))
    """
    choices: list[tuple[str, str]] = []
    for part in text.split(";"):
        match = re.match(r"\s*([\w.*]+)=(.+)$", part)
        site, choice = (match[1], match[2].strip()) if match else ("*", part.strip())
        for step in _steps(choice):
            if step not in SPECIAL:
                reduction, _, windows = step.partition("@")
                reduction_of(reduction_from(reduction.strip()))
                if windows:
                    windows_from(windows)
        choices.append((site, choice))
    return Arm(name or text, tuple(choices), model)


def arms_from(texts: list[str], file: str = "", baselines: bool = True) -> list[Arm]:
    """The baselines, the arms of the texts, and those of a JSON file {name: text or {site:
    text}}.
    """
    arms = [arm_of(t) for t in BASELINES] if baselines else []
    arms += [arm_of(t.strip()) for t in texts]
    if file:
        try:
            contents = json.loads(Path(file).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise PoolingError(f"{file} cannot be read: {error}") from None
        if not isinstance(contents, dict):
            raise PoolingError(f'{file}: give an object of arms, such as {{"mine": {{"pool1": "max"}}}}')
        for name, value in contents.items():
            sites = value if isinstance(value, dict) else {"*": value}
            arms.append(arm_of(";".join(f"{s}={c}" for s, c in sites.items()), name))
    unique: dict[str, Arm] = {}
    for arm in arms:
        if arm.name in unique and unique[arm.name] != arm:
            raise PoolingError(f"two arms are called {arm.name!r}")
        unique[arm.name] = arm
    return list(unique.values())


def sites_of(net: nn.Module) -> list[str]:
    """The names of the pooling sites.

    These are the layers with sliding windows, else the strided convolutions, else adaptive
    poolings.
    """
    modules = [(n, m) for n, m in net.named_modules() if n]
    sliding = [n for n, m in modules if is_pooling(m) and isinstance(windows_of(m), Sliding)]
    sites = sliding or [n for n, m in modules if is_strided(m)] or [n for n, m in modules if is_pooling(m)]
    if not sites:
        raise PoolingError(
            "the model has no pooling site: no pooling module and no strided convolution (functions called in forward() are no modules)"
        )
    return sites


def apply(net: nn.Module, arm: Arm, x: torch.Tensor) -> nn.Module:
    """Put the choices of the arm at the sites of the network; the weights stay."""
    flow = _flow(net, x)
    free = sites_of(net)
    choices: dict[str, str] = {}
    for pattern, choice in arm.choices:
        fits = [
            n
            for n in ([*free, *(n for n, m in net.named_modules() if is_pooling(m))] if pattern != "*" else free)
            if fnmatchcase(n, pattern)
        ]
        if not fits:
            raise PoolingError(f"arm {arm.name!r}: no site {pattern!r}; the model has {', '.join(free)}")
        choices.update(dict.fromkeys(fits, choice))
    for name, choice in choices.items():
        old = net.get_submodule(name)
        if choice == "strided" and is_pooling(old):
            before = _before(flow, name)
            conv: Any = restated(net.get_submodule(before), type(net.get_submodule(before)))
            strides = entries(_stride(old), rank_of(old), "stride")
            conv.stride = tuple(a * b for a, b in zip(conv.stride, strides, strict=True))
            replace(net, [(before, net.get_submodule(before), conv), (name, old, nn.Identity())])
        else:
            replace(net, [(name, old, _layer(old, choice, flow))])
            flow = {k: v for k, v in flow.items() if v[0] is not old}
    return net


def _layer(old: Any, choice: str, flow: dict[str, Any]) -> nn.Module:
    conv, rank = isinstance(old, CONVOLUTIONS), rank_of(old)
    if conv and choice == "strided":
        return old
    if conv and choice == "none":
        plain = restated(old, type(old))
        plain.stride = (1,) * rank
        return plain
    stride = entries(_stride(old), rank, "stride")
    steps: list[nn.Module] = []
    for step in _steps(choice):
        if step == "none":
            steps.append(nn.Identity())
        elif step == "conv":
            channels = next((c for m, c in flow.values() if m is old), None)
            if conv or channels is None:
                raise PoolingError("'conv' replaces pooling layers whose input has channels, not convolutions")
            steps += [CONVOLUTIONS[rank - 1](channels, channels, 3, stride, 1), nn.ReLU()]
        elif step == "blur":
            two = (2,) * rank  # two means over 2 are a binomial mean over 3
            steps += [
                layer(windows_from(f"sliding({two}, {steps_text})"), name, rank)
                for name, steps_text in (("max", "1"), ("mean", "1"), ("mean", f"{stride}, 1"))
            ]
        else:
            reduction, _, windows = step.partition("@")
            steps.append(
                layer(windows_from(windows) if windows else windows_of(old), reduction_from(reduction.strip()), rank)
            )
    pool = steps[0] if len(steps) == 1 else nn.Sequential(*steps)
    return pooled(old, pool) if conv else pool


def layer(windows: Any, reduction: Any, rank: int) -> nn.Module:
    """A pooling layer; torch's own class for max and mean, whose numbers are equal to ours."""
    w: Any = windows
    plain = isinstance(w, Sliding) and w.border == "absent" and w.taps is None and w.offsets is None and not w.real
    if plain and reduction in ("max", "mean") and not isinstance(w.padding, str):
        size, pads = entries(w.size, rank, "size"), entries(w.padding, rank, "padding")
        stride = size if w.stride is None else entries(w.stride, rank, "stride")
        fits = all(isinstance(p, int) and 2 * p <= s for p, s in zip(pads, size, strict=True))
        flat = entries(w.dilation, rank, "dilation") == (1,) * rank
        if fits and reduction == "max":
            return SLIDING[rank - 1](size, stride, pads, w.dilation, ceil_mode=w.ceil_mode)
        if fits and flat and w.count in ("present", "padded"):
            return SLIDING[rank + 2](size, stride, pads, ceil_mode=w.ceil_mode, count_include_pad=w.count == "padded")
    return LAYERS[rank](windows, reduction)


def _stride(old: Any) -> Any:
    w = windows_of(old) if not isinstance(old, CONVOLUTIONS) else old
    stride = getattr(w, "stride", None)
    return stride if stride is not None else getattr(w, "size", 1)


def _steps(choice: str) -> list[str]:
    """The parts between + signs outside brackets."""
    parts, depth = [""], 0
    for letter in choice:
        depth += (letter in "([") - (letter in ")]")
        if letter == "+" and not depth:
            parts.append("")
        else:
            parts[-1] += letter
    return [p.strip() for p in parts]


def _flow(net: nn.Module, x: torch.Tensor) -> dict[str, tuple[nn.Module, int]]:
    """Convolutions and poolings in the order of their calls, each with its input channels."""
    order: dict[str, tuple[nn.Module, int]] = {}
    hooks = [
        m.register_forward_pre_hook(lambda m, v, n=n: order.setdefault(n, (m, int(v[0].shape[1]))) and None)
        for n, m in net.named_modules()
        if is_pooling(m) or isinstance(m, CONVOLUTIONS)
    ]
    try:
        with torch.no_grad(), evaluating(net):
            net(x)
    finally:
        for hook in hooks:
            hook.remove()
    return order


def _before(flow: dict[str, Any], name: str) -> str:
    last = ""
    for each, (module, _) in flow.items():
        if each == name:
            break
        last = each if isinstance(module, CONVOLUTIONS) else last
    if not last:
        raise PoolingError(f"'strided' needs a convolution before {name}; there is none")
    return last
