"""Weighted sums over ranks: trimmed means, top-k means, weights of ranks, the k largest, ranges."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..arrays.adapter import adapter_of, is_numpy
from ..arrays.foreign import refuse
from ..arrays.ops import maximum, minimum, where, zeros
from ..arrays.shape_ops import as_like, concatenated, floats, take_flat, zeros_of
from ..errors import PoolingError
from ..scalars import fraction, integer, is_row, number
from .order_statistic import Order
from .quantiles import Quantile
from .row_ops import floor, last, ranks, take_along
from .sorted_window import Sorted


class TrimmedMean(Order):
    """The mean of what remains without `int(lower · n)` and `int(upper · n)` at the two ends.

    `upper=None` cuts the fraction `lower` from both ends.

    With weights, a window counts as n = (Σw)² / Σw² elements (Kish 1965), and the cut is that
    number of n-th parts of the weight. The result does not depend on the scale of the weights, and
    equal weights change nothing.

    >>> import anypool as ap
    >>> ap.pool([9.0, 1.0, 2.0, 3.0, -7.0], ap.whole(), ap.TrimmedMean(0.2), axes=0)
    array([2.])
    """

    name, formula, source = "TrimmedMean", "mean of x₍⌊ℓn⌋₎ … x₍n−1−⌊un⌋₎", "Tukey 1962"
    scale_free_weights = True

    def __init__(self, lower: float, upper: float | None = None) -> None:
        super().__init__()
        upper = lower if upper is None else upper
        low, high = fraction(lower, "TrimmedMean(lower)"), fraction(upper, "TrimmedMean(upper)")
        if low + high >= 1:
            raise PoolingError(
                f"TrimmedMean({low}, {high}): nothing is left; the two fractions must sum to less than 1"
            )
        self.parameters = {"lower": low, "upper": high}

    def linear(self) -> bool:
        return True

    def finish(self, window: Sorted, n: Any) -> Any:
        if window.masses is not None:
            return self.by_mass(window)
        low, high = floor(self.parameters["lower"] * n), floor(self.parameters["upper"] * n)
        begin, end = last(floats(low)), last(floats(n - high))
        count = n - high - low
        return window.total(lambda rank: minimum(maximum(rank, begin), end)) / _nonzero_divisor(count, window)

    def by_mass(self, window: Sorted) -> Any:
        """The mean of the remaining mass."""
        spans = window.spans
        low, high = (spans.floor_count(spans.size * cut) * spans.unit for cut in self.parameters.values())
        begin, end = low, spans.total - high
        share = spans.shares(begin, end, spans.around(begin)[1], spans.around(end)[0])
        mass = end - begin
        return window.sum(share, window.number(window.values)) / _nonzero_divisor(mass, window)


class TopKMean(Order):
    """The mean of the k largest elements, or of all if there are fewer.

    Of elements that tie, the first count as the larger. An element of weight w is repeated w times:
    the mean of the k largest units of weight.

    >>> import anypool as ap
    >>> ap.pool([3.0, 1.0, 4.0, 1.0, 5.0], ap.whole(), ap.TopKMean(2), axes=0)
    array([4.5])
    """

    name, formula, descending = "TopKMean", "mean of the k largest", True

    def __init__(self, k: int) -> None:
        super().__init__()
        self.parameters = {"k": integer(k, "TopKMean(k)", 1)}

    def linear(self) -> bool:
        return True

    def finish(self, window: Sorted, n: Any) -> Any:
        k = self.parameters["k"]
        begin = maximum(n - k, zeros(n)) if hasattr(n, "shape") else max(n - k, 0)
        return window.total(lambda rank: maximum(rank, last(floats(begin)))) / _nonzero_divisor(n - begin, window)

    def check(self, max_length: int) -> None:
        check_k(self, self.parameters["k"], max_length)


class Ordinal(Order):
    """Σ weights[r]·x₍ᵣ₎ with one weight for each rank; the first belongs to the largest element.

    The weights may be a tensor with a gradient. Windows with fewer elements than weights use the
    first weights unchanged. An element of weight w covers w ranks.

    >>> import anypool as ap
    >>> ap.pool([3.0, 1.0, 4.0, 1.0], ap.sliding((2,)), ap.Ordinal([0.75, 0.25]))
    array([2.5 , 3.25])
    """

    name, formula, descending = "Ordinal", "Σ vᵣ x₍ᵣ₎", True
    source = "Kumar 2018; Deliège, Istasse, Kumar, De Vleeschouwer & Van Droogenbroeck 2021"

    def __init__(self, weights: Any) -> None:
        super().__init__()
        refuse(weights, "Ordinal(weights)")
        row = _plain_numbers(weights) if adapter_of(weights).NAME == "numpy" else weights
        if not isinstance(row, tuple) and (row.ndim != 1 or row.shape[0] == 0 or not _is_numeric(row)):
            raise PoolingError(
                f"Ordinal(weights): a row of numbers is needed, not shape {tuple(row.shape)}, {row.dtype}"
            )
        self.parameters = {"weights": row}

    def __eq__(self, other: object) -> bool:
        return self is other

    def __hash__(self) -> int:
        return id(self)

    def linear(self) -> bool:
        return isinstance(self.parameters["weights"], tuple)  # a tensor may change between two calls

    def finish(self, window: Sorted, n: Any) -> Any:
        row, values = self.parameters["weights"], window.number(window.values)
        weights = as_like(row if hasattr(row, "shape") else np.asarray(row), values)
        weights = concatenated([weights, zeros_of(values, (1,))], 0)
        size = weights.shape[0] - 1
        if window.cumulated is None:
            from_top = last(window.present) - 1 - ranks(values)
            has_rank = (from_top >= 0) & (from_top < size)
            share = take_flat(weights, where(has_rank, from_top, zeros(from_top) + size))
        else:
            before = last(n) - window.cumulated  # the mass above each element
            share = _integral(weights, before + window.masses) - _integral(weights, before)
        return (where(share == 0, zeros(values), values) * share).sum(-1)

    def check(self, max_length: int) -> None:
        size = len(self.parameters["weights"])
        if size < max_length:
            raise PoolingError(
                f"Ordinal with {size} weights: a window holds {max_length} elements; give a weight for "
                "each (0 for none)"
            )


class KMax(Order):
    """The k largest elements in the order of the window, on a new last axis.

    NaN counts as the largest. Windows with fewer than k elements end with `empty` (NaN; integers
    need `empty=`). An element of weight w is repeated w times: the k largest units of weight.

    >>> import anypool as ap
    >>> ap.pool([3, 1, 4, 1, 5, 9], ap.sliding((3,)), ap.KMax(2))
    array([[3, 4],
           [5, 9]])
    """

    name, formula = "KMax", "the k largest, in their order in x"
    descending = nan_is_largest = needs_positions = True
    source = "Kalchbrenner, Grefenstette & Blunsom 2014"

    def __init__(self, k: int) -> None:
        super().__init__()
        self.parameters = {"k": integer(k, "KMax(k)", 1)}

    @classmethod
    def dynamic(cls, top: int, layer: int, layers: int, length: int) -> KMax:
        """Dynamic k-max pooling: k = max(top, ⌈(layers − layer)/layers · length⌉), layer from 1.

        >>> KMax.dynamic(3, 1, 3, 18)
        KMax(k=12)
        """
        top = integer(top, "KMax.dynamic(top)", 1)
        length = integer(length, "KMax.dynamic(length)", 1)
        layers = integer(layers, "KMax.dynamic(layers)", 1)
        layer = integer(layer, "KMax.dynamic(layer)", 1)
        if layer > layers:
            raise PoolingError(f"KMax.dynamic(layer={layer}, layers={layers}): use layer 1 … {layers}")
        return cls(max(top, -(-(layers - layer) * length // layers)))

    def finish(self, window: Sorted, n: Any) -> Any:
        k = self.parameters["k"]
        if window.masses is not None:
            return self.repeated(window, n)
        above = last(window.present) - 1 - ranks(window.values)
        is_selected = (above >= 0) & (above < k)
        positions = where(is_selected, window.order, zeros(window.order) + window.max_length)
        order = adapter_of(positions).argsort(positions)
        slots = np.minimum(np.arange(int(k)), window.max_length - 1)
        return window.elements(
            adapter_of(order).take(order, slots, -1)
        )  # windows with fewer elements have no result at the end

    def repeated(self, window: Sorted, n: Any) -> Any:
        """The k largest of weighted elements; one element may appear several times."""
        k, adapter = self.parameters["k"], adapter_of(window.values)
        index = adapter.stack([window.index(n - j, "left") for j in range(k)], -1)
        positions = where(self.undefined_for(n), zeros(index) + window.max_length, take_along(window.order, index))
        return window.elements(take_along(index, adapter.argsort(positions)))

    def answers(self) -> tuple[int, int] | None:
        return self.parameters["k"], -1

    def selects(self) -> bool:
        return True

    def keeps_integers(self, odd: bool) -> bool:
        return True

    def undefined_for(self, n: Any) -> Any:
        slots = np.arange(int(self.parameters["k"]))
        if not hasattr(n, "shape"):
            return slots >= n
        return last(n) <= as_like(slots, n, exact=True)

    def check(self, max_length: int) -> None:
        check_k(self, self.parameters["k"], max_length)


class Range(Order):
    """The difference of two quantiles: 0 and 1 the range, 0.25 and 0.75 the interquartile range.

    >>> import anypool as ap
    >>> ap.pool([3.0, 1.0, 4.0, 1.0, 5.0], ap.whole(), ap.Range(0.25, 0.75), axes=0)
    array([3.])
    """

    name, formula, splits_ties = "Range", "x₍hi₎ − x₍lo₎", True
    scale_free_weights = True

    def __init__(self, lo: float = 0.0, hi: float = 1.0) -> None:
        super().__init__()
        low, high = fraction(lo, "Range(lo)"), fraction(hi, "Range(hi)")
        if low > high:
            raise PoolingError(f"Range({low}, {high}): lo must be at most hi")
        self.parameters = {"lo": low, "hi": high}

    def components(self) -> list[Order] | None:
        return [Quantile(q) for q in self.parameters.values()]

    def combine(self, answers: list[Any]) -> Any:
        with np.errstate(invalid="ignore"):
            return answers[1] - answers[0]

    def finish(self, window: Sorted, n: Any) -> Any:
        low, high = (window.number(Quantile(q).finish(window, n)) for q in self.parameters.values())
        with np.errstate(invalid="ignore"):
            return high - low


def check_k(order: Order, k: int, max_length: int) -> None:
    """Raise PoolingError if k is larger than the longest window."""
    if k > max_length:
        raise PoolingError(
            f"{order!r}: the largest window holds {max_length} elements; use a k of at most {max_length}"
        )


def _plain_numbers(weights: Any) -> tuple[float, ...]:
    """Plain numbers. They cannot change, so that engines may keep what they computed from them."""
    row = weights.tolist() if is_numpy(weights) else weights
    if not is_row(row):
        raise PoolingError(f"Ordinal(weights={weights!r}): give a row of numbers")
    numbers = tuple([number(v, "an entry of the row Ordinal(weights)") for v in row])
    if not numbers or not all(-math.inf < v < math.inf for v in numbers):
        raise PoolingError(
            f"Ordinal(weights): {'they hold an infinity' if numbers else 'there are none'}; use 0 for "
            "a rank that shall not count"
        )
    return numbers


def _is_numeric(array: Any) -> bool:
    return "float" in str(array.dtype) or "int" in str(array.dtype)


def _nonzero_divisor(count: Any, window: Sorted) -> Any:
    if not hasattr(count, "shape"):
        return count if count else math.nan
    count = where(count == 0, zeros(count) + 1, count)
    return adapter_of(count).meet(count, window.number(window.values))


def _integral(weights: Any, mass: Any) -> Any:
    """∫ of the step function weights[⌊t⌋] from 0 to each mass."""
    size = weights.shape[0] - 1
    sums = adapter_of(weights).cumsum(weights, 0) - weights  # the integral up to each step
    mass = where(mass < 0, zeros(mass), mass)
    step = floor(mass)
    step = where(step > size, zeros(step) + size, step)
    return take_flat(sums, step) + take_flat(weights, step) * (mass - step)
