"""Windows made of tensors while torch.compile traces: the numbers are read when the graph runs."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from ..arrays import tracing
from ..arrays.adapter import is_numpy
from ..errors import PoolingError
from .arguments import constant, need_axes
from .base import Kind

Made = TypeVar("Made")
Shape = Callable[[dict[str, Any], tuple[Any, ...], "tuple[int, ...] | None", Callable[[], Any]], tuple[Any, ...]]
SLIDING = ("stride", "padding", "dilation")  # arguments of sliding windows that may be given by position
MAKERS: dict[str, tuple[Any, Shape]] = {}  # a window kind that reads numbers, and the shape of its result without them


@dataclass(frozen=True, eq=False)
class Deferred(Kind):
    """A call of boxes, groups or segments whose tensors the graph will hold; everything else is known."""

    maker: str
    given: tuple[tuple[str, Any], ...]  # its arguments
    then: tuple[tuple[str, tuple[tuple[str, Any], ...]], ...] = ()  # methods of the windows, once they are made

    def arguments(self) -> dict[str, Any]:
        """What makes these windows, their methods apart."""
        return dict(self.given)

    def made(self) -> Any:
        """The windows, now that there are numbers."""
        made = MAKERS[self.maker][0](**dict(self.given))
        for name, given in self.then:
            made = getattr(made, name)(**dict(given))
        return made

    def symbolic(self) -> bool:
        return True

    def sliding(self, size: Any, *args: Any, **options: Any) -> Deferred:
        """Sliding windows inside segments; see `Segments.sliding`."""
        if self.maker != "segments":
            raise PoolingError(f"{self.maker}(…).sliding(…): only segments hold sliding windows")
        given = {"size": size, **dict(zip(SLIDING, args, strict=False)), **options}
        return replace(self, then=(*self.then, ("sliding", tuple(given.items()))))

    def exclusive(self) -> Deferred:
        """See `Boxes.exclusive`."""
        return replace(self, then=(*self.then, ("exclusive", ())))

    def plan(self, shape: tuple[int, ...], axes: tuple[int, ...] | None) -> Any:
        return self.made().plan(shape, axes)

    def shape_of(
        self, shape: tuple[Any, ...], axes: tuple[int, ...] | None, fresh: Callable[[], Any]
    ) -> tuple[Any, ...]:
        """Shape of the result from the tables' shapes; `fresh` makes a length that only the numbers will tell."""
        made = MAKERS[self.maker][1](dict(self.given), shape, axes, fresh)
        if any(name == "sliding" for name, _ in self.then):
            at = need_axes(axes, shape, "segments(…).sliding(…)", "the axis they lie on, such as axes=0")
            made = tuple(fresh() if a == at[0] else n for a, n in enumerate(made))
        return made


def deferred(*names: str, shape: Shape) -> Callable[[Made], Made]:
    """Mark a function that reads the numbers of its arguments: while torch.compile traces, they stay in the graph.

    names: of the arguments that may be given by position.
    """

    def marked(make: Made) -> Made:
        call: Any = make
        maker: str = call.__name__
        MAKERS[maker] = (call, shape)

        @functools.wraps(call)
        def made(*args: Any, **options: Any) -> Any:
            if tracing.compiling():
                return later(maker, {**dict(zip(names, args, strict=False)), **options})
            return call(*args, **options)

        return made  # type: ignore[return-value]

    return marked


def later(maker: str, given: dict[str, Any]) -> Deferred:
    """The call for when the graph runs: arrays as tensors, other arguments as they are."""
    made: list[tuple[str, Any]] = []
    for name, value in given.items():
        if isinstance(value, (list, tuple)) and value and all(tracing.is_table(v) and v.ndim == 2 for v in value):
            value = numbered([table(v) for v in value])
        made.append((name, table(value)))
    return Deferred(maker, tuple(made))


def table(value: Any) -> Any:
    """An array as a tensor of the graph; anything else as it is."""
    if not is_numpy(value):
        return value
    exporting = tracing.strictly_exporting()
    if exporting is not None:
        _kept(exporting)
    return tracing.as_tensor(value)


@constant
def _kept(exporting: bool) -> None:
    if exporting:
        raise PoolingError(
            "torch.export with strict=True loses the numbers of NumPy arrays, which windows made outside hold: "
            "make the windows in forward() of a tensor, such as a buffer, or export with strict=False"
        )


def numbered(parts: Any) -> Any:
    """One tensor of rows, each begun by the number of the tensor that it comes from."""
    rows = [tracing.beside([b.new_full((len(b), 1), i), b], 1) for i, b in enumerate(parts)]
    return tracing.beside(rows, 0)
