"""The valid part of each row of a padded batch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..arrays.ops import among
from ..errors import PoolingError
from ..plan import Ints, joined_shape
from .arguments import integer_row
from .deferred import deferred, later
from .spans import Spans
from .window_kind import Flat, Kind

SIDES = ("right", "left")


@dataclass(frozen=True, eq=False)
class Padded(Kind):
    """The valid part of each row; see `padded`."""

    lengths: Ints
    side: str = "right"
    parts: dict[Any, Spans] = field(default_factory=dict[Any, Spans])

    def __repr__(self) -> str:
        few = str(self.lengths.tolist()) if len(self.lengths) <= 12 else f"{len(self.lengths)} lengths"
        return f"padded({few}{'' if self.side == 'right' else ', side=' + repr(self.side)})"

    def deferred(self) -> Any:
        """The same windows with the lengths as a tensor of the graph."""
        return later("padded", self.arguments())

    def arguments(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        return {"lengths": self.lengths, "side": self.side}

    def plan(self, shape: tuple[int, ...], axes: tuple[int, ...] | None) -> Any:
        return self._spans(shape, axes).plan(shape, _axes_of(shape, axes))

    def result_shape(self, shape: tuple[Any, ...], axes: tuple[int, ...] | None) -> tuple[Any, ...]:
        """The shape of the result: one axis of rows replaces the first pooled axis."""
        return joined_shape(shape, _axes_of(shape, axes), len(self.lengths))

    def lower(self, shape: tuple[int, ...], at: tuple[int, ...]) -> Any:
        """The spans of the rows."""
        return self._spans(shape, at).plan(shape, at)

    def flat(self, shape: tuple[int, ...], axes: tuple[int, ...] | None) -> Flat | None:
        """The spans along the axis of all rows."""
        return self._spans(shape, axes).flat(shape, _axes_of(shape, axes))

    def _spans(self, shape: tuple[int, ...], axes: tuple[int, ...] | None) -> Spans:
        batch, time = (shape[a] for a in _axes_of(shape, axes))
        if (batch, time) not in self.parts:
            self._check(batch, time)
            starts = np.zeros_like(self.lengths) if self.side == "right" else time - self.lengths
            self.parts[batch, time] = Spans(starts, starts + self.lengths, np.arange(batch))
        return self.parts[batch, time]

    def _check(self, batch: int, time: int) -> None:
        if len(self.lengths) != batch:
            raise PoolingError(f"{len(self.lengths)} lengths for a batch of {batch} rows: give the length of each row")
        if batch and int(self.lengths.max()) > time:
            k = int(np.argmax(self.lengths > time))
            raise PoolingError(f"lengths[{k}] = {self.lengths[k]}, but rows have {time} elements: give at most {time}")


def _axes_of(shape: tuple[Any, ...], axes: tuple[int, ...] | None) -> tuple[int, ...]:
    if axes is None and len(shape) == 2:
        return (0, 1)
    if axes is None or len(axes) != 2:
        raise PoolingError(f"axes={axes}: padded(…) lies on two axes: give axes=(batch, time), such as axes=(0, 1)")
    return axes


def _shape(
    value: dict[str, Any], shape: tuple[Any, ...], axes: tuple[int, ...] | None, fresh: Callable[[], Any]
) -> tuple[Any, ...]:
    """The shape of the result, without reading the lengths."""
    return joined_shape(shape, _axes_of(shape, axes), np.shape(value["lengths"])[0])


@deferred("lengths", shape=_shape)
def padded(lengths: Any, *, side: str = "right") -> Padded:
    """The valid part of each row of a padded batch: row i has lengths[i] valid elements, from the
    first on.

    Name `axes`=(batch, time); one axis of rows replaces them. Padding is never read.
    side: where the padding is. "left": the valid elements are the last ones of the row.
    lengths: a row of integers, also a tensor. Raises PoolingError for a length below 0 or above
    that of the rows.

    >>> import numpy as np, anypool as ap
    >>> x = np.array([[1.0, 2.0, np.nan], [5.0, np.nan, np.nan]])
    >>> ap.pool(x, ap.padded([2, 1]), "mean", axes=(0, 1))
    array([1.5, 5. ])
    """
    row = integer_row(lengths, "lengths")
    if len(row) and int(row.min()) < 0:
        k = int(np.argmax(row < 0))
        raise PoolingError(f"lengths[{k}] = {row[k]}: lengths must be at least 0")
    if not among(side, SIDES):
        raise PoolingError(f"side={side!r}: use 'right' or 'left', where the padding is")
    return Padded(row, side)
