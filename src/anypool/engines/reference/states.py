"""What a fold's functions give back: a state is a tuple of arrays, an answer one array; anything else is said once."""

from __future__ import annotations

from typing import Any

from ...errors import PoolingError
from ...reductions import State


def state_of(given: Any, reduction: Any, function: str, states: int | None = None) -> State:
    """The state that init, step or merge gave, of as many arrays as the state of nothing."""
    call = f"{type(reduction).__name__}.{function}(…) gave"
    if not isinstance(given, (tuple, list)):
        raise PoolingError(
            f"{call} {_kind(given)}: a fold's state is a tuple of arrays; for a single one write `return (value,)`"
        )
    bare = [v for v in given if not hasattr(v, "shape")]
    if bare or not given:
        held = f"a state that holds {_kind(bare[0])}" if bare else "a state of nothing"
        raise PoolingError(
            f"{call} {held}: a fold's state is a tuple of arrays shaped as x; make numbers of them: `zero + 1.0`"
        )
    if states is not None and len(given) != states:
        raise PoolingError(
            f"{call} {len(given)} arrays and init(zero) {states}: a fold's state keeps its number of arrays"
        )
    return tuple(given)


def answer_of(given: Any, reduction: Any, shape: tuple[int, ...]) -> Any:
    """The answer that finish gave: a number a window."""
    if tuple(getattr(given, "shape", (-1,))) == shape:
        return given
    what = f"an array of shape {tuple(given.shape)}" if hasattr(given, "shape") else _kind(given)
    raise PoolingError(
        f"{type(reduction).__name__}.finish(…) gave {what}: its answer is one array of shape {shape}, a number a window"
    )


def _kind(given: Any) -> str:
    if hasattr(given, "shape"):
        return f"an array of shape {tuple(given.shape)}"
    return "None" if given is None else f"a {type(given).__name__}"
