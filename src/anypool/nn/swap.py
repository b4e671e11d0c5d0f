"""swap(): replaces the pooling in a torch model; its weights are unchanged."""

from __future__ import annotations

import copy
import fnmatch
import re
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from ..errors import PoolingError
from ..reductions import reduction_of
from .pooling_layers import CONVOLUTIONS, LAYERS, is_pooling, is_strided, rank_of, windows_of


def swap(model: nn.Module, rules: Mapping[Any, Any], *, sample: Any = None, quiet: bool = False) -> Any:
    """Replace the pooling of a model in place, print each replacement, and return the model.

    rules: a mapping from what to replace to its replacement. The key is a module type, a dotted
    name, a pattern such as "layer*.pool" or a compiled re, or a function of the module. An exact
    name has priority over a pattern or function, and these over a type. The replacement is a
    reduction (with the same windows), a (windows, reduction) pair, a module, or a function of the
    old module. A strided convolution becomes the same convolution at stride 1, with the same
    weights and names, followed by the pooling. sample: an input for a test; if the changed model
    refuses it, the old modules are restored. Raises PoolingError for a rule that matches nothing.

    >>> import anypool as ap
    >>> net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.MaxPool2d(2))
    >>> net = swap(net, {nn.MaxPool2d: "mean"})
    1: MaxPool2d(kernel_size=2, stride=2, padding=0, dilation=1, ceil_mode=False) -> Pool2d of Mean(), same windows
    """
    if isinstance(model, torch.jit.ScriptModule):
        raise PoolingError("a scripted model cannot be changed: swap first, then call torch.jit.script")
    if not rules:
        raise PoolingError("rules are empty: give for example {torch.nn.MaxPool2d: 'mean'}")
    chosen = _matches(model, rules)
    replacements: dict[int, nn.Module] = {}
    for name, old, value in chosen:
        if id(old) not in replacements:
            replacements[id(old)] = _replacement(name, old, value)
            replacements[id(old)].train(old.training)
    replaced = replace(model, [(name, old, replacements[id(old)]) for name, old, _ in chosen])
    if sample is not None:
        try:
            with torch.no_grad():
                replaced(sample)
        except Exception as error:
            replace(replaced, [(name, replacements[id(old)], old) for name, old, _ in chosen])
            first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
            raise PoolingError(f"the changed model refuses the sample ({first}); nothing was replaced") from None
    if not quiet:
        for name, old, value in chosen:
            print(f"{name or 'the model'}: {old} -> {_describe(replacements[id(old)], value)}")
    return replaced


def replace(model: nn.Module, changes: list[tuple[str, nn.Module, nn.Module]]) -> Any:
    """Set each new module in place of the old one by its dotted name; returns the model (or the new
    root)."""
    for name, _, new in changes:
        if not name:
            return new
        parent, _, last = name.rpartition(".")
        model.get_submodule(parent)._modules[last] = new
    return model


def _matches(model: nn.Module, rules: Mapping[Any, Any]) -> list[tuple[str, nn.Module, Any]]:
    matches: list[tuple[str, nn.Module, Any]] = []
    used: set[int] = set()
    modules = list(model.named_modules(remove_duplicate=False))
    for name, module in modules:
        best: tuple[int, int, Any] | None = None
        for number, (key, value) in enumerate(rules.items()):
            rank = _rank(key, name, module, value)
            if rank:
                used.add(number)
                best = max(best or (0, 0, None), (rank, number, value), key=lambda b: b[:2])
        if best is not None:
            matches.append((name, module, best[2]))
    for number, key in enumerate(rules):
        if number not in used:
            raise PoolingError(_nothing(key, modules))
    outer = [n for n, _, _ in matches]
    for name in outer:
        if any(other != name and (not other or name.startswith(other + ".")) for other in outer):
            raise PoolingError(f"{name!r} lies inside another module that is replaced too; name only one of them")
    return matches


def _rank(key: Any, name: str, module: nn.Module, value: Any) -> int:
    """0 if the rule does not match, else its priority: 1 type, 2 pattern or function, 3 name."""
    if isinstance(key, type):
        return int(isinstance(module, key) and (not isinstance(module, CONVOLUTIONS) or is_strided(module)))
    if isinstance(key, re.Pattern):
        return 2 * int(bool(key.fullmatch(name)) and _site(module))
    if callable(key):
        return 2 * int(bool(key(module)))
    if not isinstance(key, str):
        raise PoolingError(f"rule {key!r}: give a module type, a dotted name, a pattern, a compiled re or a function")
    if key == name:
        return 3
    return 2 * int(any(c in key for c in "*?[") and fnmatch.fnmatchcase(name, key) and _site(module))


def _site(module: nn.Module) -> bool:
    return is_pooling(module) or is_strided(module)


def _nothing(key: Any, modules: list[tuple[str, nn.Module]]) -> str:
    sites = [f"{n or 'the model'} ({type(m).__name__})" for n, m in modules if _site(m)]
    has = ", ".join(sites[:8]) + (" …" if len(sites) > 8 else "") if sites else "no pooling module and no strided conv"
    rule_text = key.__name__ if isinstance(key, type) else repr(key)
    hint = "pooling called as a function in forward() is no module"
    return f"rule {rule_text} matches nothing; the model has {has} ({hint})"


def _replacement(name: str, old: Any, value: Any) -> Any:
    where = f"{name or 'the model'} ({type(old).__name__})"
    if isinstance(value, nn.Module):
        return copy.deepcopy(value)
    if _is_function(value):
        new = value(old)
        if not isinstance(new, nn.Module):
            raise PoolingError(f"{where}: the function returned {type(new).__name__}, not a torch module")
        return new
    if not _site(old):
        raise PoolingError(
            f"{where} is neither pooling nor a strided convolution: give a function of the old module instead of {value!r}"
        )
    if getattr(old, "return_indices", False):
        raise PoolingError(f"{where} also returns indices, which an unpooling layer needs: it stays; give a function")
    pair = isinstance(value, (tuple, list)) and len(value) == 2 and callable(getattr(value[0], "plan", None))
    if isinstance(value, (tuple, list)) and not pair:
        raise PoolingError(f"{where}: {value!r} is no (windows, reduction) pair")
    windows, reduction = value if pair else (None, value)
    reduction = reduction_of(reduction)
    layer = LAYERS[rank_of(old)]
    try:
        pool = layer(windows or windows_of(old), reduction)
        if windows is not None:  # a wrong number of axes raises an error now, not in training
            pool.windows.output_shape((1,) * 2 + (997,) * rank_of(old), tuple(range(-rank_of(old), 0)))
    except PoolingError as error:
        raise PoolingError(f"{where}: {error}") from None
    return pool if not isinstance(old, CONVOLUTIONS) else pooled(old, pool)


def _is_function(value: Any) -> bool:
    fold = hasattr(value, "init") or hasattr(value, "finish")
    return callable(value) and not fold and not hasattr(value, "plan")


class Pooled(nn.Module):
    """A convolution at stride 1 followed by a pooling; see `pooled`."""

    pool: nn.Module

    def forward(self, input: Any) -> Any:
        """Convolve everywhere, then pool."""
        return self.pool(super().forward(input))


CLASSES: dict[int, Any] = {
    r: type(f"PooledConv{r}d", (Pooled, CONVOLUTIONS[r - 1]), {"__module__": __name__}) for r in (1, 2, 3)
}


def pooled(conv: Any, pool: nn.Module) -> Any:
    """The convolution at stride 1, then `pool`; the same parameters under the same names.

    >>> import anypool as ap
    >>> conv = nn.Conv2d(3, 8, 3, stride=2)
    >>> pooled(conv, ap.nn.Pool2d(ap.sliding((2, 2), ceil_mode=True), "max"))(torch.ones(1, 3, 9, 9)).shape
    torch.Size([1, 8, 4, 4])
    """
    if type(conv) not in CONVOLUTIONS:
        raise PoolingError(f"{type(conv).__name__} is no plain convolution: give a function of the old module")
    new = restated(conv, CLASSES[rank_of(conv)])
    new.stride = (1,) * rank_of(conv)
    new.add_module("pool", pool)
    return new


def restated(old: nn.Module, kind: Any) -> Any:
    """The same state, parameters shared, under another class."""
    new: Any = kind.__new__(kind)
    new.__dict__.update({k: v.copy() if isinstance(v, dict) else v for k, v in old.__dict__.items()})
    return new


def _describe(new: nn.Module, value: Any) -> str:
    if isinstance(value, nn.Module) or _is_function(value):
        return str(new).splitlines()[0]
    layer: Any = new.pool if isinstance(new, Pooled) else new
    same = "its stride as windows" if isinstance(new, Pooled) else "same windows"
    windows = layer.windows if isinstance(value, (tuple, list)) else same
    before = "the same at stride 1, then " if isinstance(new, Pooled) else ""
    return f"{before}{type(layer).__name__} of {layer.reduction}, {windows}"
