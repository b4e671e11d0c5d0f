"""Results that a caller may write to: no views, no memory of x, no values that backward needs."""

from __future__ import annotations

from typing import Any

import torch

from .torch_incoming import functorch


class Differentiable(torch.autograd.Function):
    """A Function of anypool; its backward accepts that its result was written to."""


def without_view(y: Any) -> Any:
    """y as a tensor that is no view; torch refuses writes to views from a Function or from
    no_grad."""
    return y.detach() if y._is_view() else y


def writable(y: Any, x: Any) -> Any:
    """y, or a copy if torch's own backward may read it, or if it shares x's memory."""
    node = y.grad_fn
    if node is not None or not _plain(y):
        ours = issubclass(getattr(type(node), "_forward_cls", object), Differentiable)
        return y if ours else y.clone()
    return y.clone() if y.numel() and y.data_ptr() == x.data_ptr() else without_view(y)


def _plain(y: Any) -> bool:
    return type(y) is torch.Tensor and y.layout is torch.strided and not functorch.is_functorch_wrapped_tensor(y)


class Witness:
    """Detects whether a tensor was written to, without a reference to its memory."""

    def __init__(self, y: Any) -> None:
        self.counts = y.detach()
        self.counts.data = y.new_empty(0)  # the version counter remains y's
        self.before = y._version

    def unwritten(self) -> bool:
        """Whether the tensor is unchanged."""
        return self.counts._version == self.before
