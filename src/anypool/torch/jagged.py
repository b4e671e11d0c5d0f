"""Jagged nested tensors: whole-axis pooling as segments of their values."""

from __future__ import annotations

from typing import Any

import torch

from ..errors import PoolingError
from ..windows import Whole, normal_axes, segments, spans


def as_segments(x: Any, windows: Any, axes: Any, *weights: Any) -> tuple[Any, ...]:
    """The values of a jagged tensor, its segments, their axis, and the weights of the values."""
    if x.layout is not torch.jagged or x._ragged_idx != 1:
        raise PoolingError(
            "x is a nested tensor whose second axis is not jagged: use "
            "torch.nested.nested_tensor(…, layout=torch.jagged), its values with anypool.segments(offsets), or x.to_padded_tensor(nan) with nan='omit'"
        )
    at = normal_axes(axes, x.dim())
    if not isinstance(windows, Whole) or at != (1,):
        raise PoolingError(
            f"x is a jagged tensor, and {windows!r} lies over axes={axes}: whole() over axes=1 pools each sequence; "
            "for others give x.values() and anypool.segments(x.offsets()), or x.to_padded_tensor(nan) with nan='omit'"
        )
    offsets, lengths = x.offsets(), x.lengths()
    here = segments(offsets) if lengths is None else spans(offsets[:-1], offsets[:-1] + lengths)
    return (x.values(), here, 0, *(None if w is None else _values(w, x) for w in weights))


def _values(w: Any, x: Any) -> Any:
    """The weights of the values."""
    if not getattr(w, "is_nested", False):
        raise PoolingError("weights of a jagged tensor: give a jagged tensor with the same offsets")
    if not torch.equal(w.offsets(), x.offsets()):
        raise PoolingError("weights of a jagged tensor have other offsets than x: give the same")
    return w.values()
