"""Tensors of a reduction, or weights, that a layer is made with: its parameters where they learn, its buffers else."""

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
        """Keep both; register each tensor under its name, such as "p", or "p_1" in the second of a tuple."""
        many = isinstance(reduction, (tuple, list))
        self._held: list[tuple[int, str, str]] = []
        made: list[Any] = []
        for i, one in enumerate(reduction if many else (reduction,)):
            known = getattr(one, "parameters", {})
            values = {k: v for k, v in known.items() if isinstance(v, torch.Tensor)} if isinstance(known, dict) else {}
            for name, value in values.items():
                known = f"{name}_{i}" if many else name
                values[name] = self._registered(known, value, f"{type(one).__name__}({name})")
                self._held.append((i, name, known))
            made.append(_with(one, values) if values else one)
        self.reduction = tuple(made) if many else made[0]
        self.options = dict(options)
        if isinstance(weights := options.get("weights"), torch.Tensor):
            self._weights = "weights" if not hasattr(self, "weights") else "weights_of_x"
            self._registered(self._weights, weights, "weights")
            del self.options["weights"]

    def bound(self) -> Any:
        """The reduction with the tensors that the layer has now: they may have been replaced since."""
        many = isinstance(self.reduction, tuple)
        each = list(self.reduction) if many else [self.reduction]
        for i, name, known in self._held:
            if each[i].parameters[name] is not getattr(self, known):
                each[i] = _with(each[i], {name: getattr(self, known)})
        return tuple(each) if many else each[0]

    def given(self) -> dict[str, Any]:
        """The options, the weights among them."""
        known = self.__dict__.get("_weights")
        return self.options if known is None else {**self.options, "weights": getattr(self, known)}

    def __prepare_scriptable__(self) -> Any:
        """What torch.jit.script reads instead."""
        refuse(type(self).__name__, "torch.jit.script", self.reduction)
        return self

    def _registered(self, known: str, value: torch.Tensor, said: str) -> torch.Tensor:
        if value.requires_grad and not value.is_leaf:
            raise PoolingError(
                f"{said} is computed from other tensors: give the layer a tensor of its own, or call anypool.pool with it"
                " in forward()"
            )
        if value.requires_grad or isinstance(value, nn.Parameter):
            made = value if isinstance(value, nn.Parameter) else nn.Parameter(value)
            self.register_parameter(known, made)
            return made
        self.register_buffer(known, value, persistent=False)
        return value


def _with(reduction: Any, values: dict[str, Any]) -> Any:
    """The reduction with other values of its parameters; the one given is not changed."""
    made = copy.copy(reduction)
    made.parameters = {**reduction.parameters, **values}
    return made
