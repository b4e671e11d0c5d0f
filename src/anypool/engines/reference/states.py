"""Checks of the results of a fold's functions: a state is a tuple of arrays, a result is one
array."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from ...errors import PoolingError
from ...reductions import State


def state_of(state: Any, reduction: Any, function: str, states: int | None = None) -> State:
    """The state of init, step or merge, if it has as many arrays as the empty state; else
    PoolingError."""
    call = f"{type(reduction).__name__}.{function}(…) gave"
    if not isinstance(state, (tuple, list)):
        raise PoolingError(
            f"{call} {_kind(state)}: a fold's state is a tuple of arrays; for a single one write `return (value,)`"
        )
    arrays = cast("Sequence[Any]", state)
    bare = [v for v in arrays if not hasattr(v, "shape")]
    if bare or not arrays:
        problem = f"a state that holds {_kind(bare[0])}" if bare else "an empty state"
        raise PoolingError(
            f"{call} {problem}: a fold's state is a tuple of arrays shaped as x; make numbers of them: `zero + 1.0`"
        )
    if states is not None and len(arrays) != states:
        raise PoolingError(
            f"{call} {len(arrays)} arrays and init(zero) {states}: a fold's state keeps its number of arrays"
        )
    return tuple(arrays)


def answer_of(y: Any, reduction: Any, shape: tuple[int, ...]) -> Any:
    """The result of finish, if it has one number for each window; else PoolingError."""
    if tuple(getattr(y, "shape", (-1,))) == shape:
        return y
    what = f"an array of shape {tuple(y.shape)}" if hasattr(y, "shape") else _kind(y)
    raise PoolingError(
        f"{type(reduction).__name__}.finish(…) gave {what}: its answer is one array of shape {shape}, a number a window"
    )


def _kind(value: Any) -> str:
    if hasattr(value, "shape"):
        return f"an array of shape {tuple(value.shape)}"
    return "None" if value is None else f"a {type(value).__name__}"
