"""Windows from tensors under torch.compile: the graph constructs them when it runs."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from ..arrays import tracing
from ..arrays.adapter import is_numpy
from ..errors import PoolingError
from ..scalars import is_sequence
from .arguments import constant, need_axes
from .window_kind import Kind

Function = TypeVar("Function")
Shape = Callable[[dict[str, Any], tuple[Any, ...], "tuple[int, ...] | None", Callable[[], Any]], tuple[Any, ...]]
SLIDING = ("stride", "padding", "dilation")  # positional arguments of sliding windows after the size
MAKERS: dict[
    str, tuple[Any, Shape]
] = {}  # the constructor of a window kind, and the shape of its result without values


@dataclass(frozen=True, eq=False)
class Deferred(Kind):
    """A call of boxes, groups or segments with tensors of the graph as arguments."""

    maker: str
    keywords: tuple[tuple[str, Any], ...]  # the arguments by name
    then: tuple[
        tuple[str, tuple[tuple[str, Any], ...]], ...
    ] = ()  # methods to call on the constructed windows, with their arguments

    def arguments(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        return dict(self.keywords)

    def construct(self) -> Any:
        """The constructed windows; the tensors must have values."""
        windows = MAKERS[self.maker][0](**dict(self.keywords))
        for name, arguments in self.then:
            windows = getattr(windows, name)(**dict(arguments))
        return windows

    def symbolic(self) -> bool:
        return True

    def sliding(self, size: Any, *args: Any, **options: Any) -> Deferred:
        """Sliding windows inside segments; see `Segments.sliding`."""
        if self.maker != "segments":
            raise PoolingError(f"{self.maker}(…).sliding(…): only segments hold sliding windows")
        arguments = {"size": size, **dict(zip(SLIDING, args, strict=False)), **options}
        return replace(self, then=(*self.then, ("sliding", tuple(arguments.items()))))

    def exclusive(self) -> Deferred:
        """See `Boxes.exclusive`."""
        return replace(self, then=(*self.then, ("exclusive", ())))

    def plan(self, shape: tuple[int, ...], axes: tuple[int, ...] | None) -> Any:
        return self.construct().plan(shape, axes)

    def shape_of(
        self, shape: tuple[Any, ...], axes: tuple[int, ...] | None, fresh: Callable[[], Any]
    ) -> tuple[Any, ...]:
        """The shape of the result from the shapes of the tensors. `fresh` returns a length that
        depends on values."""
        result = MAKERS[self.maker][1](dict(self.keywords), shape, axes, fresh)
        if any(name == "sliding" for name, _ in self.then):
            at = need_axes(axes, shape, "segments(…).sliding(…)", "the axis they lie on, such as axes=0")
            result = tuple(fresh() if a == at[0] else n for a, n in enumerate(result))
        return result


def deferred(*names: str, shape: Shape) -> Callable[[Function], Function]:
    """Decorate a function that reads values: under torch.compile it returns a `Deferred`.

    names: the positional arguments.
    """

    def marked(function: Function) -> Function:
        call: Any = function
        maker: str = call.__name__
        MAKERS[maker] = (call, shape)

        @functools.wraps(call)
        def constructed(*args: Any, **options: Any) -> Any:
            if tracing.compiling():
                return later(maker, {**dict(zip(names, args, strict=False)), **options})
            return call(*args, **options)

        return constructed  # type: ignore[return-value]

    return marked


def later(maker: str, arguments: dict[str, Any]) -> Deferred:
    """The call that the graph runs: arrays become tensors, other arguments stay."""
    tensors: list[tuple[str, Any]] = []
    for name, value in arguments.items():
        if is_sequence(value) and value and all(tracing.is_table(v) and v.ndim == 2 for v in value):
            value = numbered([table(v) for v in value])
        tensors.append((name, table(value)))
    return Deferred(maker, tuple(tensors))


def table(value: Any) -> Any:
    """An array as a tensor of the graph; anything else unchanged."""
    if not is_numpy(value):
        return value
    exporting = tracing.strictly_exporting()
    if exporting is not None:
        _check_export(exporting)
    return tracing.as_tensor(value)


@constant
def _check_export(exporting: bool) -> None:
    if exporting:
        raise PoolingError(
            "torch.export with strict=True loses the numbers of NumPy arrays, which windows made outside hold: "
            "make the windows in forward() of a tensor, such as a buffer, or export with strict=False"
        )


def numbered(parts: Any) -> Any:
    """The tensors concatenated, with the number of the tensor as the first column."""
    rows = [tracing.beside([b.new_full((len(b), 1), i), b], 1) for i, b in enumerate(parts)]
    return tracing.beside(rows, 0)
