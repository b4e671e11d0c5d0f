"""Each window kind in its variants, with the same windows by hand: the registry of the tests."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np
from window_lists import Line, Taps, beyond, cut, divide, inside, slide

import anypool as ap

SHAPE = (2, 2, 6, 5)


@dataclass(frozen=True)
class Case:
    """A call's windows and axes, and what they hold by hand."""

    windows: Any
    lines: list[Line]
    at: tuple[int, ...] = (2, 3)
    axes: Any = None
    options: dict[str, Any] = field(default_factory=dict)


BOTH = [slide(6, 2), slide(5, 2)]
TAPS = (np.array([1.0, 2.0, 0.5]), np.array([0.0, 1.0, 3.0]))
TABLE = np.array([[1.0, 0.0, 2.0], [0.5, 1.0, 1.0]])


def sliding_cases() -> dict[str, Case]:
    made = {
        "2x2/2": Case(ap.sliding((2, 2)), BOTH),
        "3x3/1 pad 1": Case(ap.sliding((3, 3), 1, 1), [slide(6, 3, 1, 1), slide(5, 3, 1, 1)]),
        "3x2/(2,1) dilated": Case(
            ap.sliding((3, 2), (2, 1), 1, (2, 3)), [slide(6, 3, 2, 1, 1, 2), slide(5, 2, 1, 1, 1, 3)]
        ),
        "ceil": Case(
            ap.sliding((2, 2), 2, 1, ceil_mode=True), [slide(6, 2, 2, 1, 1, 1, True), slide(5, 2, 2, 1, 1, 1, True)]
        ),
        "ceil padded": Case(
            ap.sliding((3, 3), 2, 1, ceil_mode=True, count="padded"),
            [slide(6, 3, 2, 1, 1, 1, True), slide(5, 3, 2, 1, 1, 1, True)],
            options={"count": "padded"},
        ),
        "divisor 7": Case(
            ap.sliding((3, 2), 2, ((0, 2), (1, 0)), count=7.0),
            [slide(6, 3, 2, 0, 2), slide(5, 2, 2, 1, 0)],
            options={"count": 7.0},
        ),
        "same": Case(ap.sliding((4, 3), 1, "same"), [slide(6, 4, 1, 1, 2), slide(5, 3, 1, 1, 1)]),
        "one axis": Case(ap.sliding(3, 2, 4), [slide(2, 3, 2, 4)], (1,), 1),
        "axes named backwards": Case(ap.sliding((3, 2), (2, 1)), [slide(2, 2, 1), slide(5, 3, 2)], (1, 3), (-1, 1)),
        "batch too": Case(
            ap.sliding((2, 1, 3, 2), 1), [slide(2, 2, 1), slide(2, 1, 1), slide(6, 3, 1), slide(5, 2, 1)], (0, 1, 2, 3)
        ),
        "larger than x": Case(ap.sliding((9, 7), 1), [slide(6, 9, 1), slide(5, 7, 1)]),
        "far stride": Case(ap.sliding((1, 2), (4, 9)), [slide(6, 1, 4), slide(5, 2, 9)]),
        "empty at the edge": Case(
            ap.sliding((2, 2), 2, ((4, 0), (0, 3))), [slide(6, 2, 2, 4, 0), slide(5, 2, 2, 0, 3)]
        ),
        "taps by axis": Case(
            ap.sliding((3, 3), 2, 1, taps=TAPS),
            [slide(6, 3, 2, 1, taps=TAPS[0]), slide(5, 3, 2, 1, taps=TAPS[1])],
            options={"has_taps": True},
        ),
    }
    for border in ("reflect", "symmetric", "replicate", "circular", 2.0):
        made[f"border {border}"] = Case(
            ap.sliding((3, 2), (1, 2), ((2, 3), (1, 7)), border=border),
            [slide(6, 3, 1, 2, 3, border=border), slide(5, 2, 2, 1, 7, border=border)],
            options={"border": border if isinstance(border, float) else None},
        )
    made["border 2 dilated ceil"] = Case(
        ap.sliding((3, 3), 2, 2, 2, border=2.0, ceil_mode=True, count="padded"),
        [slide(6, 3, 2, 2, 2, 2, True, 2.0), slide(5, 3, 2, 2, 2, 2, True, 2.0)],
        options={"border": 2.0, "count": "padded"},
    )
    return made | padded_cases()


def padded_cases() -> dict[str, Case]:
    """Borders by axis, paddings by name, and negative paddings, which crop the axis first."""
    where = ((2, 3), (1, 7))
    return {
        "border by axis": Case(
            ap.sliding((3, 2), (1, 2), where, border=("symmetric", 2.0)),
            [slide(6, 3, 1, 2, 3, border="symmetric"), slide(5, 2, 2, 1, 7, border=2.0)],
            options={"border": 2.0},
        ),
        "absent and a border": Case(
            ap.sliding((3, 2), (1, 2), where, border=("absent", "circular")),
            [slide(6, 3, 1, 2, 3), slide(5, 2, 2, 1, 7, border="circular")],
        ),
        "two constants": Case(
            ap.sliding((3, 2), (1, 2), where, border=(2.0, 3)),
            [slide(6, 3, 1, 2, 3, border=2.0), slide(5, 2, 2, 1, 7, border=3)],
            options={"border": (2.0, 3)},
        ),
        "cropped": Case(
            ap.sliding((2, 2), 1, ((-1, -2), (-1, 1)), border="reflect"),
            [slide(3, 2, 1, begin=1), slide(4, 2, 1, 0, 1, border="reflect", begin=1)],
        ),
        "cropped ceil": Case(
            ap.sliding((2, 3), 2, (-1, (-2, 0)), ceil_mode=True, count="padded"),
            [slide(4, 2, 2, 0, 0, 1, True, begin=1), slide(3, 3, 2, 0, 0, 1, True, begin=2)],
            options={"count": "padded"},
        ),
        "SAME": Case(ap.sliding((3, 4), (2, 3), "SAME"), [slide(6, 3, 2, 0, 1), slide(5, 4, 3, 1, 1)]),
        "causal": Case(ap.sliding((3, 2), 1, "causal", (1, 2)), [slide(6, 3, 1, 2, 0), slide(5, 2, 1, 2, 0, 2)]),
        "SAME in segments": Case(
            ap.segments([0, 1, 4, 6]).sliding(2, 2, "SAME"),
            [slide(1, 2, 2, 0, 1) + slide(3, 2, 2, 0, 1, begin=1) + slide(2, 2, 2, begin=4)],
            (2,),
            2,
        ),
        "cropped in segments": Case(
            ap.segments([0, 1, 4, 6]).sliding(2, 1, ((-1, 1),), border="symmetric"),
            [slide(2, 2, 1, 0, 1, border="symmetric", begin=2) + slide(1, 2, 1, 0, 1, border="symmetric", begin=5)],
            (2,),
            2,
        ),
    }


def ragged_cases() -> dict[str, Case]:
    offsets = [1, 1, 3, 4, 4, 6]
    return {
        "adaptive": Case(ap.adaptive((4, 2)), [divide(6, 4), divide(5, 2)]),
        "adaptive keeps": Case(ap.adaptive((None, 3)), [divide(6, 6), divide(5, 3)]),
        "adaptive up": Case(ap.adaptive((8, 9)), [divide(6, 8), divide(5, 9)]),
        "whole": Case(ap.whole(), [cut([0, 6]), cut([0, 5])], (2, 3), (-2, -1)),
        "whole batch and row": Case(ap.whole(), [cut([0, 2]), cut([0, 5])], (0, 3), (0, 3)),
        "segments": Case(ap.segments([0, 1, 4, 6]), [cut([0, 1, 4, 6])], (2,), 2),
        "segments, some empty": Case(ap.segments(offsets), [cut(offsets)], (2,), 2),
        "spans": Case(ap.spans([0, 1, 3], [3, 4, 3]), [spanned([0, 1, 3], [3, 4, 3])], (2,), 2),
        "spans in any order": Case(ap.spans([4, 0, 1], [6, 6, 3]), [spanned([4, 0, 1], [6, 6, 3])], (2,), 2),
        "segments by lengths": Case(ap.segments(lengths=[2, 3]), [cut([0, 2, 5])], (3,), -1),
        "sliding in segments": Case(
            ap.segments([0, 1, 4, 6]).sliding(2, 1, 1), [inside([0, 1, 4, 6], 2, 1, 1)], (2,), 2
        ),
        "dilated in segments": Case(
            ap.segments([1, 5, 6]).sliding(3, 2, 0, 2, ceil_mode=True),
            [inside([1, 5, 6], 3, 2, 0, 0, 2, True)],
            (2,),
            2,
        ),
        "reflect in segments": Case(
            ap.segments([0, 2, 6]).sliding(3, 1, 2, border="reflect"),
            [inside([0, 2, 6], 3, 1, 2, border="reflect")],
            (2,),
            2,
        ),
    }


def spanned(starts: list[int], stops: list[int]) -> Line:
    """Spans."""
    runs = [range(a, b) for a, b in zip(starts, stops, strict=True)]
    return Line([[(p, 1.0) for p in r] for r in runs], [len(r) for r in runs])


def steps(n: int, out: int, u: float, more: int = 0) -> Line:
    """Graham's pseudorandom edges ⌈α(o + u)⌉, shifted to 0; `more` elements are shared if
    possible."""
    a = [math.ceil(Fraction(n, out) * (o + Fraction(u))) for o in range(out + 1)]
    runs = [range(b - a[0], min(e - a[0] + more, n)) for b, e in itertools.pairwise(a)]
    return Line([[(p, 1.0) for p in r] for r in runs], [len(r) for r in runs])


def torch_steps(n: int, out: int, u: float, k: int) -> Line:
    """torch's intervals of k elements."""
    alpha = (n - k) / (out - 1)
    starts = [int((o + u) * alpha) - int(u * alpha) for o in range(out - 1)] + [n - k]
    return Line([[(p, 1.0) for p in range(b, b + k)] for b in starts], [k] * out)


def fractional_cases() -> dict[str, Case]:
    pseudo: dict[str, Any] = {"sequence": "pseudorandom", "samples": (0.7, 0.25)}
    return {
        "fractional": Case(ap.fractional((4, 3), **pseudo), [steps(6, 4, 0.7), steps(5, 3, 0.25)]),
        "fractional, overlapping": Case(
            ap.fractional((4, 2), overlapping=True, **pseudo), [steps(6, 4, 0.7, 1), steps(5, 2, 0.25, 1)]
        ),
        "fractional, torch": Case(
            ap.fractional((3, 4), convention="torch", kernel_size=(3, 2), samples=(0.7, 0.25)),
            [torch_steps(6, 3, 0.7, 3), torch_steps(5, 4, 0.25, 2)],
        ),
    }


def overlaps(
    n: int,
    size: Any,
    stride: Any,
    before: Any = 0,
    after: Any = None,
    ceil: bool = False,
    border: Any = "absent",
) -> Line:
    """Real-valued windows: what of each element every interval covers, in fractions."""
    size, stride, before = Fraction(size), Fraction(stride), Fraction(before)
    after = before if after is None else Fraction(after)
    line, start = Line([], []), -before
    while True:
        end = start + size
        overhangs = ceil and start < n and end - stride < n + after
        if end > n + after and not overhangs and (line.windows or border != "absent"):
            return line
        low, high = (Fraction(0), Fraction(n)) if border == "absent" else (-before, n + after)
        seen: Taps = []
        for p in range(math.floor(start) - 1, math.ceil(end) + 1):
            share = min(end, p + 1, high) - max(start, p, low)
            real = beyond(p, n, border)
            if share > 0 and real is not None:
                seen.append((real, float(share)))
        line.windows.append(seen)
        line.padded.append(float(max(min(end, n + after) - start, 0)))  # type: ignore[arg-type]
        start += stride


def real_cases() -> dict[str, Case]:
    third, half, taps = Fraction(5, 3), Fraction(1, 2), {"has_taps": True}
    made = {
        "real area": Case(ap.sliding((1.5, 5 / 3)), [overlaps(6, 1.5, 1.5), overlaps(5, third, third)], options=taps),
        "real and whole numbers": Case(
            ap.sliding((2.5, 2), (1, 1)), [overlaps(6, 2.5, 1), overlaps(5, 2, 1)], options=taps
        ),
        "real, small and far": Case(
            ap.sliding((0.5, 0.75), (1.75, 0.5)), [overlaps(6, half, 1.75), overlaps(5, 0.75, half)], options=taps
        ),
        "real, ceil, padded": Case(
            ap.sliding((2.5, 1.25), 1.5, (0.75, 1), ceil_mode=True, count="padded"),
            [overlaps(6, 2.5, 1.5, 0.75, 0.75, True), overlaps(5, 1.25, 1.5, 1, 1, True)],
            options={**taps, "count": "padded"},
        ),
        "real, larger than x": Case(ap.sliding((9.5, 7.0)), [overlaps(6, 9.5, 9.5), overlaps(5, 7, 7)], options=taps),
        "real, same": Case(
            ap.sliding((2.5, 3.5), 1.0, "same"),
            [overlaps(6, 2.5, 1, 0.75), overlaps(5, 3.5, 1, 1.25)],
            options=taps,
        ),
    }
    for border in ("reflect", "symmetric", "replicate", "circular", 2.0):
        made[f"real, border {border}"] = Case(
            ap.sliding((2.5, 1.5), (1.25, 2.0), ((1.5, 2), (0, 3.25)), border=border),
            [overlaps(6, 2.5, 1.25, 1.5, 2, border=border), overlaps(5, 1.5, 2, 0, 3.25, border=border)],
            options={**taps, "border": border if isinstance(border, float) else None},
        )
    return made


CASES: dict[str, Case] = {**sliding_cases(), **ragged_cases(), **fractional_cases(), **real_cases()}
