"""Results that a caller may write to: no view, no memory of x, nothing whose values backward still needs."""

from __future__ import annotations

from typing import Any

import torch

from .torch_incoming import functorch


class Differentiable(torch.autograd.Function):
    """A function of ours; its backward accepts that its result was written to."""


def whole(y: Any) -> Any:
    """y as no view of another tensor: torch refuses to write to a view that a function of ours or no_grad made."""
    return y.detach() if y._is_view() else y


def writable(y: Any, x: Any) -> Any:
    """y, or a copy of it where torch's own backward may read it, or where it is x's memory."""
    made = y.grad_fn
    if made is not None or not _plain(y):
        ours = issubclass(getattr(type(made), "_forward_cls", object), Differentiable)
        return y if ours else y.clone()
    return y.clone() if y.numel() and y.data_ptr() == x.data_ptr() else whole(y)


def _plain(y: Any) -> bool:
    return type(y) is torch.Tensor and y.layout is torch.strided and not functorch.is_functorch_wrapped_tensor(y)


class Witness:
    """Tells whether a tensor was written to, and holds none of its memory."""

    def __init__(self, y: Any) -> None:
        self.counts = y.detach()
        self.counts.data = y.new_empty(0)  # the count of writes stays y's
        self.before = y._version

    def unwritten(self) -> bool:
        """Whether the tensor holds what it held."""
        return self.counts._version == self.before
