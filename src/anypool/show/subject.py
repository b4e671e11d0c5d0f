"""The subject of a picture: a row or plane of numbers, its colours, its weights, and the plan of
its windows.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..api import pool
from ..arguments import plan_of
from ..arrays.adapter import adapter_of
from ..arrays.numpy import as_weights
from ..errors import PoolingError
from ..validation import check_weights
from ..windows import Boxes, Groups, Pyramid, Regions, normal_axes

IRREGULAR = (Boxes, Groups, Pyramid, Regions)


@dataclass(frozen=True)
class Subject:
    """A part of an array that can be drawn."""

    x: NDArray[Any]
    axes: Any
    plan: Any
    weights: NDArray[Any] | None = None
    colour: NDArray[Any] | None = None  # rows, columns, red green blue
    pool_options: dict[str, Any] = field(default_factory=dict[str, Any])

    @property
    def options(self) -> dict[str, Any]:
        """Further arguments of `pool`."""
        return self.pool_options if self.weights is None else {**self.pool_options, "weights": self.weights}

    @property
    def sizes(self) -> str:
        """The shapes of the input and the result."""
        return f"{' × '.join(map(str, self.x.shape))} → {' × '.join(map(str, self.plan.out_shape))}"

    def shown(self) -> NDArray[Any]:
        """The colours from 0 to 1."""
        assert self.colour is not None
        return self.colour / _white(self.colour)

    def coloured(self, windows: Any, reduction: Any) -> tuple[NDArray[Any], NDArray[Any]] | None:
        """The colours of the input and the result."""
        if self.colour is None:
            return None
        pooled = [
            np.asarray(pool(self.colour[..., c].astype(np.float64), windows, reduction, axes=self.axes, **self.options))
            for c in range(3)
        ]
        return self.shown(), np.stack(pooled, -1) / _white(self.colour)


def subject_of(array: NDArray[Any], windows: Any, axes: Any, weights: Any, pool_options: dict[str, Any]) -> Subject:
    """The first row or plane that the windows pool; a colour image becomes its mean and its
    colours.
    """
    if array.dtype.kind not in "buif":
        raise PoolingError(f"x of dtype {array.dtype} cannot be drawn")
    if array.ndim < 1:
        raise PoolingError("x is a single number: there is nothing to draw")
    w: Any = None
    if weights is not None:
        plain = adapter_of(weights).numbers(weights)
        check_weights(plain, array.shape)
        w = np.broadcast_to(as_weights(plain, array), array.shape)
    irregular = isinstance(windows, IRREGULAR)
    colour = array[..., :3] if array.ndim == 3 and array.shape[-1] in (3, 4) and array.shape[0] > 4 else None
    if colour is not None and not (irregular and len(plan_of(windows, array.shape, axes).pooled_dims) != 2):
        array, w = colour.mean(-1), None if w is None else w[..., 0]
    elif irregular:
        plan = plan_of(windows, array.shape, axes)
        first = tuple(slice(None) if a in plan.pooled_dims else slice(0, 1) for a in range(array.ndim))
        axes = normal_axes(axes, array.ndim)
        array, w = array[first], None if w is None else w[first]
    else:
        size = getattr(windows, "size", None)
        rank = len(size) if isinstance(size, tuple) else None
        keep = 1 if array.ndim == 1 or (rank == 1 and axes is None) else 2
        while array.ndim > keep:
            array, w, axes = array[0], None if w is None else w[0], None
    x = np.asarray(array, np.float64)
    return Subject(x, axes, plan_of(windows, x.shape, axes), w, colour, pool_options)


def _white(colour: NDArray[Any]) -> float:
    """The value of white: the largest integer of the element type, or 1."""
    return float(np.iinfo(colour.dtype).max) if colour.dtype.kind in "ui" else 1.0
