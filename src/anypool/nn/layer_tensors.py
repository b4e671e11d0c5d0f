"""Tensors in a layer's reduction or options: parameters if they need a gradient, else buffers."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import nn

from ..errors import PoolingError
from ..torch.recorders import refuse


class Reducing(nn.Module):
    """A layer with a reduction (or a tuple of them) and options of `anypool.pool`."""

    reduction: Any
    options: dict[str, Any]

    def hold(self, reduction: Any, options: dict[str, Any]) -> None:
        """Store both; register each tensor by its name, such as "p", or "p_1" in the second of a
        tuple."""
        many = isinstance(reduction, (tuple, list))
        self._held: list[tuple[int, str, str]] = []
        reductions: list[Any] = []
        for i, one in enumerate(reduction if many else (reduction,)):
            known = getattr(one, "parameters", {})
            values = {k: v for k, v in known.items() if isinstance(v, torch.Tensor)} if isinstance(known, dict) else {}
            for name, value in values.items():
                known = f"{name}_{i}" if many else name
                values[name] = self._registered(known, value, f"{type(one).__name__}({name})")
                self._held.append((i, name, known))
            reductions.append(_with(one, values) if values else one)
        self.reduction = tuple(reductions) if many else reductions[0]
        self.options = dict(options)
        self._weights = dict[str, str]()
        for option in ("weights", "log_weights"):
            if isinstance(weights := options.get(option), torch.Tensor):
                self._weights[option] = option if not hasattr(self, option) else f"{option}_of_x"
                self._registered(self._weights[option], weights, option)
                del self.options[option]

    def bound(self) -> Any:
        """The reduction with the layer's current tensors."""
        many = isinstance(self.reduction, tuple)
        each = list(self.reduction) if many else [self.reduction]
        for i, name, known in self._held:
            if each[i].parameters[name] is not getattr(self, known):
                each[i] = _with(each[i], {name: getattr(self, known)})
        return tuple(each) if many else each[0]

    def call_options(self) -> dict[str, Any]:
        """The options, including the weights."""
        known = self.__dict__.get("_weights")
        return {**self.options, **{k: getattr(self, v) for k, v in known.items()}} if known else self.options

    def __prepare_scriptable__(self) -> Any:
        """The function that torch.jit.script reads."""
        refuse(type(self).__name__, "torch.jit.script", self.reduction)
        return self

    def _registered(self, name: str, value: torch.Tensor, subject: str) -> torch.Tensor:
        if value.requires_grad and not value.is_leaf:
            raise PoolingError(
                f"{subject} is computed from other tensors: give the layer a tensor of its own, or "
                "call anypool.pool with it"
                " in forward()"
            )
        if value.requires_grad or isinstance(value, nn.Parameter):
            parameter = value if isinstance(value, nn.Parameter) else nn.Parameter(value)
            self.register_parameter(name, parameter)
            return parameter
        self.register_buffer(name, value, persistent=False)
        return value


def _with(reduction: Any, values: dict[str, Any]) -> Any:
    """A copy of the reduction with other values of its parameters."""
    copied = copy.copy(reduction)
    copied.parameters = {**reduction.parameters, **values}
    return copied
