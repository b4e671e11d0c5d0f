"""The base class of window kinds, and the cache of their plans."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, NamedTuple, Protocol, cast

import numpy as np

from ..arrays.adapter import is_numpy
from ..errors import PoolingError
from ..plan import Axis, Fill, Grid, Ints
from ..scalars import integer
from .arguments import normal_axes


def _memory() -> int:
    """The bytes of memory of this machine."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return 2**40


MEMORY = _memory()
MOST_WINDOWS = MEMORY // 40  # along one axis: 32 bytes of tables and one result each


class Flat(NamedTuple):
    """Windows along one axis of x whose pooled axes were flattened to one.

    A kind has a method `flat(shape, axes)` if such windows may compute a call; it returns None if
    they do not.
    """

    windows: Any
    axes: tuple[int, ...]  # the axes of x that are flattened, in this order
    order: Ints | None = None  # result i is window order[i] of `windows`; None: in their order


class Windows(Protocol):
    """The protocol of a window kind: it lowers to a plan."""

    def plan(self, shape: tuple[int, ...], axes: tuple[int, ...] | None) -> Any:
        """The plan for an input of this shape."""
        ...


@dataclass(frozen=True, eq=False)  # by default, a kind equals itself only
class Kind:
    """The base class of window kinds."""

    def plan(self, shape: tuple[int, ...], axes: tuple[int, ...] | None) -> Any:
        raise NotImplementedError

    def deferred(self) -> Any:
        """The form that torch.compile traces if fields are tensors: a `Deferred`; else the same
        windows."""
        return self

    def replace(self, **changes: Any) -> Any:
        """The same windows with other fields."""
        return replace(self, **changes)

    def symbolic(self) -> bool:
        """Whether `counts` uses only arithmetic of the integer fields, and no float field."""
        return False

    def counts(self, shape: tuple[Any, ...], axes: tuple[int, ...] | None) -> dict[int, Any]:
        """The number of windows along each pooled axis. Lengths may be symbols of torch.compile."""
        grid = self.plan(tuple(int(n) for n in shape), axes)
        return {a: axis.out for a, axis in zip(grid.pooled_dims, grid.axes, strict=True)}

    def result_shape(self, shape: tuple[Any, ...], axes: tuple[int, ...] | None) -> tuple[Any, ...]:
        """The shape of the result. Lengths may be symbols of torch.compile."""
        many = self.counts(shape, axes)
        return tuple(many.get(a, n) for a, n in enumerate(shape))

    def output_shape(self, shape: Sequence[int], axes: int | Iterable[int] | None = None) -> tuple[int, ...]:
        """The shape of the result for an input of this shape.

        >>> import anypool as ap
        >>> ap.sliding((3, 3), stride=2, padding=1).output_shape((16, 64, 112, 112))
        (16, 64, 56, 56)
        """
        return self.plan(tuple(integer(n, "a length in shape") for n in shape), normal_axes(axes, len(shape))).out_shape


def ascending(
    shape: tuple[int, ...],
    at: tuple[int, ...],
    parts: list[Axis],
    fill: Fill = None,
    divisor: str | float = "present",
    taps: Any = None,
) -> Grid:
    """The Grid with its axes in ascending order."""
    order = sorted(range(len(at)), key=lambda i: at[i])
    if is_numpy(taps):
        taps = np.transpose(taps, order)
    elif taps is not None:
        taps = tuple(taps[i] for i in order)
    if isinstance(fill, tuple):
        fill = tuple(fill[i] for i in order)
    return Grid(shape, tuple(at[i] for i in order), tuple(parts[i] for i in order), fill, divisor, taps)


def grid_of(windows: Any, shape: tuple[int, ...], at: tuple[int, ...]) -> Any:
    """The plan of the windows for this shape, cached."""
    kind = cast("tuple[Any, ...]", windows)[0] if isinstance(windows, tuple) else windows
    for n in shape:
        if n < 0:
            raise PoolingError(f"shape {shape}: lengths must be at least 0")
    try:
        return _cached(kind, shape, at)
    except TypeError:
        return kind.lower(shape, at)


@lru_cache(maxsize=1024)
def _cached(kind: Any, shape: tuple[int, ...], at: tuple[int, ...]) -> Any:
    return kind.lower(shape, at)
