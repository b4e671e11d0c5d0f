"""The weights and footprints of a case, and anypool's calls with and without them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import torch

import anypool as ap
from anypool.timing import fastest

from .cases import Case
from .data import numpy_of
from .ours import Call, TooSlow

LONGEST = 1.0  # seconds of a call that are worth a row
CORNER = {2: 128, 3: 48}  # the side of the piece of an image or a volume that predicts them
Calls = dict[str, Call]


@dataclass(frozen=True)
class HowMuch:
    """The weights of a case by name: an array is made when a call needs it."""

    kind: str = ""  # "mask", "omit", "weights", "sentences" or "logits"
    shape: tuple[int, ...] = ()  # of the weights
    learns: bool = False  # gradients of x and of the weights
    footprint: tuple[int, int] | None = None  # the size and the rank of a ball
    against: Any = None  # the windows of the plain call, where they differ

    @property
    def argument(self) -> str:
        """The argument of pool that takes the weights."""
        return "log_weights" if self.kind == "logits" else "weights"

    def options(self) -> dict[str, Any]:
        """Arguments of pool, arrays of NumPy."""
        if self.kind == "omit":
            return {"nan": "omit"}
        return {self.argument: weights(self.kind, self.shape)} if self.kind else {}


@lru_cache(maxsize=3)
def weights(kind: str, shape: tuple[int, ...]) -> Any:
    """A mask with 30 % absent elements, sentences of all lengths, real weights or logits."""
    random = np.random.default_rng(1)
    if kind == "sentences":
        return np.arange(shape[1])[:, None] < random.integers(1, shape[1] + 1, (shape[0], 1, 1))
    if kind == "logits":
        return random.standard_normal(shape, np.float32)
    uniform = random.random(shape, np.float32)
    return uniform + np.float32(0.05) if kind == "weights" else uniform < 0.7


def ball(size: int, rank: int) -> Any:
    """The positions of a window whose distance from its centre is at most its half."""
    centred = np.indices((size,) * rank) - size // 2
    return (centred**2).sum(0) <= (size // 2) ** 2


def with_nan(x: Any) -> Any:
    """x with NaN where its mask is 0."""
    return np.where(weights("mask", x.shape), x, np.float32(np.nan))


def calls(case: Case, x: torch.Tensor, how: HowMuch) -> Calls:
    """The weighted call of one library, or its gradient."""
    options = how.options()
    if case.library == "torch":
        options = {name: torch.as_tensor(value) for name, value in options.items()}
    if case.direction != "forward":
        name, value = next(iter(options.items()))
        leaves = [x.clone().requires_grad_(), value.clone().requires_grad_(how.learns)]
        return {"torch new": gradient(case, leaves, lambda t, w: _pool(case, t, **{name: w}))}
    array = x if case.library == "torch" else numpy_of(x)
    array = with_nan(array) if how.kind == "omit" else array
    if how.against is not None:
        _refuse_if_slow(case, array)
    return {f"{case.library} new": lambda: _pool(case, array, **options)}


def plain_call(case: Case, x: torch.Tensor, how: HowMuch) -> Calls:
    """The same call without weights, or with the other windows; its gradient is that of x alone."""
    windows = case.windows if how.against is None else how.against
    if case.direction != "forward":
        leaf = x.clone().requires_grad_()
        return {"new": gradient(case, [leaf], lambda t: _pool(case, t))}
    array = x if case.library == "torch" else numpy_of(x)
    return {"new": lambda: ap.pool(array, windows, case.reduction, axes=case.axes)}


def gradient(case: Case, leaves: list[torch.Tensor], forward: Callable[..., Any]) -> Call:
    """The gradients of the leaves that require one, or a whole training step."""
    y = forward(*leaves)
    wanted = [leaf for leaf in leaves if leaf.requires_grad]
    g = upstream(tuple(y.shape))
    if case.direction == "backward":
        return lambda: torch.autograd.grad(y, wanted, g, retain_graph=True)
    return lambda: torch.autograd.grad(forward(*leaves), wanted, g)


def upstream(shape: tuple[int, ...]) -> torch.Tensor:
    """The gradient of the results."""
    return torch.linspace(0.5, 1.5, int(np.prod(shape))).reshape(shape)


def _refuse_if_slow(case: Case, image: Any) -> None:
    """Raises TooSlow if calls on a corner say that the whole image takes too long."""
    side = max(2 * case.where.size[0], CORNER[image.ndim])
    corner = np.ascontiguousarray(image[(slice(0, side),) * image.ndim])
    least = fastest({"corner": lambda: _pool(case, corner)}, rounds=1, patience=0.1)["corner"]
    seconds = least * image.size / corner.size
    if seconds > LONGEST:
        raise TooSlow(f"a call would take {seconds:.0f} s")


def _pool(case: Case, x: Any, **options: Any) -> Any:
    return ap.pool(x, case.windows, case.reduction, axes=case.axes, **options)
