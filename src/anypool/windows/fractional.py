"""Fractional windows: random edges, with sizes that differ by at most one."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..arrays.incoming import array_of
from ..errors import PoolingError
from ..plan import Axis, Grid, Ints
from ..scalars import entries, integer, is_number, is_row
from .arguments import among, flag, last_axes, need_axes, numbers, shown
from .window_kind import MOST_WINDOWS, Kind, ascending, grid_of

SEQUENCES = ("random", "pseudorandom")
CONVENTIONS = ("graham", "torch", "tensorflow")


@dataclass(frozen=True)
class Fractional(Kind):
    """Windows with random edges; see `fractional`."""

    size: tuple[int | None, ...] | int | None
    output_ratio: tuple[float, ...] | float | None
    sequence: str
    overlapping: bool
    seed: int
    convention: str
    kernel_size: tuple[int, ...] | int | None
    samples: tuple[float, ...] | None

    def plan(self, shape: tuple[int, ...], axes: tuple[int, ...] | None) -> Grid:
        return grid_of(self, shape, self._axes(shape, axes))

    def symbolic(self) -> bool:
        return self.output_ratio is None

    def counts(self, shape: tuple[Any, ...], axes: tuple[int, ...] | None) -> dict[int, Any]:
        """The requested numbers."""
        if self.output_ratio is not None:
            return super().counts(shape, axes)
        at = self._axes(shape, axes)
        sizes = entries(self.size, len(at), "size")
        return {a: shape[a] if out is None else out for a, out in zip(at, sizes, strict=True)}

    def redrawn(self) -> Fractional:
        """The same windows with a new random seed.

        >>> import anypool as ap
        >>> first = ap.fractional((7, 7), seed=1)
        >>> first.redrawn().seed != first.seed
        True
        """
        return replace(self, seed=_random_seed())

    def lower(self, shape: tuple[int, ...], at: tuple[int, ...]) -> Grid:
        """The Grid; each axis draws its own windows."""
        rank = len(at)
        if self.output_ratio is not None:
            ratios = entries(self.output_ratio, rank, "output_ratio")
            sizes = tuple(math.floor(shape[a] * r) for a, r in zip(at, ratios, strict=True))
        else:
            sizes = entries(self.size, rank, "size")
        kernels = entries(self.kernel_size, rank, "kernel_size")
        samples = (None,) * rank if self.samples is None else entries(self.samples, rank, "samples")
        rows = enumerate(zip(at, sizes, kernels, samples, strict=True))
        return ascending(
            shape, at, [self._axis(shape[a], shape[a] if o is None else o, k, u, i, a) for i, (a, o, k, u) in rows]
        )

    def _axes(self, shape: tuple[Any, ...], axes: tuple[int, ...] | None) -> tuple[int, ...]:
        for value in (self.size, self.output_ratio, self.kernel_size, self.samples):
            if isinstance(value, tuple):
                return last_axes(axes, len(value), shape, f"fractional({shown(value)})")
        return need_axes(axes, shape, f"fractional({self.size})", "a size for each axis, such as fractional((7, 7))")

    def _axis(self, n: int, out: int, kernel: int | None, sample: float | None, number: int, a: int) -> Axis:
        if out < 1 or out > n or out > MOST_WINDOWS:
            raise PoolingError(
                f"{out} fractional windows on axis {a} of length {n}: give a size from 1 to {min(n, MOST_WINDOWS)}"
            )
        random = np.random.default_rng((self.seed, number))
        if kernel is not None:
            if out + kernel - 1 > n:
                raise PoolingError(
                    f"{out} windows of kernel_size {kernel} on axis {a} of length {n}: torch's convention needs "
                    f"size + kernel_size − 1 ≤ {n}; ask for at most {n - kernel + 1} windows"
                )
            first = torch_starts(random.random() if sample is None else sample, n, out, kernel)
            length = np.full(out, kernel)
        else:
            edges = _edges(n, out, self.sequence, self.convention, sample, random)
            first = edges[:-1]
            length = np.diff(edges)
            if self.overlapping:
                length[:-1] += 1
        stride = n // out if kernel is None and n % out == 0 and not self.overlapping else 0
        return Axis(n, first, length, 1, np.zeros(out, np.int64), length, None, stride)


def fractional(
    size: Any = None,
    *,
    output_ratio: Any = None,
    sequence: str | None = None,
    overlapping: bool = False,
    seed: int | None = None,
    convention: str = "graham",
    kernel_size: Any = None,
    samples: Any = None,
) -> Fractional:
    """`size` windows along each axis with random edges. Their lengths are ⌊α⌋ and ⌈α⌉ for α =
    length / size ≥ 1.

    `size`: an int (then name `axes`) or one entry for each axis; None keeps the length.
    `output_ratio` in (0, 1] replaces it: ⌊length · ratio⌋ windows.
    `sequence`: "random" shuffles the increments. "pseudorandom" rounds an arithmetic sequence:
    ⌈α(o + u)⌉ for one uniform u.
    `overlapping`: window o is [aₒ, aₒ₊₁] in place of [aₒ, aₒ₊₁), cut at the end of the axis.
    `seed`: an int for reproducible windows. None draws a seed once for the object; `.redrawn()`
    draws another. Each axis has its own draw. All images and channels have the same windows.
    `convention`: "graham" (the paper; the sequence starts at a₀ = 0), "tensorflow" (pseudorandom
    edges from its range of u) or "torch" (windows of length `kernel_size`, which start where
    torch's do).
    `samples`: u in [0, 1) for each axis, in place of a draw.
    Raises PoolingError for more windows than elements. Source: Graham 2014.

    >>> import numpy as np, anypool as ap
    >>> ap.pool(np.arange(10.0), fractional((7,), sequence="pseudorandom", samples=(0.5,)), "max")
    array([1., 2., 3., 5., 6., 8., 9.])
    """
    if not among(convention, CONVENTIONS):
        raise PoolingError(f"convention={convention!r}: use one of {', '.join(map(repr, CONVENTIONS))}")
    if not among(sequence, (None, *SEQUENCES)):
        raise PoolingError(f"sequence={sequence!r}: use 'random' or 'pseudorandom'")
    overlapping = flag(overlapping, "overlapping")
    if (size is None) == (output_ratio is None):
        raise PoolingError("fractional needs either a size or output_ratio=, and not both")
    if convention == "torch":
        if kernel_size is None or overlapping or sequence == "random":
            raise PoolingError(
                "torch's convention has windows of kernel_size=…, one sequence (pseudorandom), and overlaps where they do: "
                "give kernel_size, and neither overlapping nor sequence='random'"
            )
        sequence = "pseudorandom"
    elif kernel_size is not None:
        raise PoolingError(f"kernel_size={kernel_size!r} belongs to convention='torch'; {convention!r} has none")
    sequence = sequence or "random"
    if samples is not None and sequence == "random":
        raise PoolingError("samples= belong to a pseudorandom sequence: a random one is a shuffle; give seed=")
    return Fractional(
        None if size is None else _entries(size, _count),
        None if output_ratio is None else _entries(output_ratio, _ratio),
        sequence,
        overlapping,
        _random_seed() if seed is None else integer(seed, "seed", 0),
        convention,
        None if kernel_size is None else _entries(kernel_size, _kernel_size),
        None if samples is None else tuple(_sample(u) for u in array_of(samples, "samples").reshape(-1).tolist()),
    )


def torch_starts(sample: float, n: int, out: int, kernel: int) -> Ints:
    """The starts of torch's windows: ⌊(o + u)α⌋ − ⌊uα⌋ with α = (n − k) / (out − 1), and n − k for
    the last."""
    alpha = (n - kernel) / max(out - 1, 1)
    first = ((numbers(out) + sample) * alpha).astype(np.int64) - int(sample * alpha)
    first[-1] = n - kernel
    return first


def _edges(n: int, out: int, sequence: str, convention: str, sample: float | None, random: np.random.Generator) -> Ints:
    """The out + 1 edges that divide n elements into runs of length ⌊n/out⌋ and ⌊n/out⌋ + 1."""
    few, more = divmod(n, out)
    if sequence == "random":
        sizes = np.full(out, few, np.int64)
        sizes[:more] += 1
        return np.concatenate([[0], np.cumsum(random.permutation(sizes))])
    u = random.random() if sample is None else sample
    bounded = convention == "tensorflow"
    # ⌈α(o + u)⌉ = ⌈(n·o + ⌈n·u⌉) / out⌉, in integers; TensorFlow draws u below min((k + 2)/α − 1,
    # (n + 1 − k)/α − (out − 1))
    phase = max(math.ceil(u * min((few + 2) * out - n, n - out * (few - 1))), 1) if bounded else math.ceil(n * u)
    o = np.arange(out + 1, dtype=np.int64 if n * (out + 2) < 2**62 else object)
    edges = -(-(n * o + phase) // out)
    if bounded:
        edges[0], edges[-1] = 1, n + 1
    return np.asarray(edges - edges[0], np.int64)


def _random_seed() -> int:
    return int(np.random.default_rng().integers(2**62))


def _entries(value: Any, one: Any) -> Any:
    if is_row(value):
        row = tuple(one(v) for v in value)
        if not row:
            raise PoolingError(f"{value!r}: give one entry for each pooled axis")
        return row
    return one(value)


def _count(value: Any) -> int | None:
    return None if value is None else integer(value, "size", 1)


def _kernel_size(value: Any) -> int:
    return integer(value, "kernel_size", 1)


def _ratio(value: Any) -> float:
    if not is_number(value) or not 0 < value <= 1:
        raise PoolingError(
            f"output_ratio={value!r}: use a number above 0 and at most 1, the length of the result over that of x"
        )
    return float(value)


def _sample(value: Any) -> float:
    if not is_number(value) or not 0 <= value < 1:
        raise PoolingError(f"samples hold {value!r}: use numbers from 0 to 1, 1 excluded")
    return float(value)
