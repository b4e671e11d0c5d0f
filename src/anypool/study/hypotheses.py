"""Expectations that were written before a run, and their outcomes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .statistics import holm, paired, values_of
from .trial import Row

NAMES = {
    "accuracy": "accuracy",
    "gaussian_change": "the change of accuracy under Gaussian noise",
    "salt_change": "the change of accuracy under salt and pepper",
    "shift_consistency": "consistency under shifts",
}
RELATIONS = {"more": "above", "less": "below", "same": "not significantly different from"}


@dataclass(frozen=True)
class Expectation:
    """`left` is "more" than, "less" than or the "same" as `right` on a metric.

    published: the published result that the expectation follows, if there is one.
    """

    left: str
    right: str
    relation: str
    metric: str = "accuracy"
    published: str = ""

    @property
    def words(self) -> str:
        """The expectation as a sentence."""
        end = f" ({self.published})" if self.published else ""
        return f"{NAMES[self.metric]}: {self.left} {RELATIONS[self.relation]} {self.right}{end}"


@dataclass(frozen=True)
class Outcome:
    """The result of one expectation; status: "yes" (as expected), "no" (the opposite) or "open"."""

    status: str
    words: str
    published: str = ""
    direction: bool = True  # whether the difference points the expected way, significant or not


def judge(expected: Sequence[Expectation], rows: list[Row]) -> list[Outcome]:
    """The outcome of each expectation; the p-values are corrected by Holm over all of them.

    >>> rows = [Row(a, s, 0.1, accuracy=v + s / 100, tested=100) for a, v in (("a", 0.9), ("b", 0.5)) for s in range(5)]
    >>> judge([Expectation("a", "b", "more")], rows)[0].status
    'yes'
    """
    comparisons: list[tuple[int, float, float, float]] = []
    for e in expected:
        left, right = values_of(rows, e.left, e.metric), values_of(rows, e.right, e.metric)
        seeds = sorted(set(left) & set(right))
        tested = sum(r.tested for r in rows if r.arm == e.right and r.seed in seeds)
        comparisons.append(
            (len(seeds), *paired([left[s] for s in seeds], [right[s] for s in seeds], tested))
            if seeds
            else (0, 0.0, 0.0, 1.0)
        )
    tried = [i for i, f in enumerate(comparisons) if f[0] > 1]
    corrected = dict(zip(tried, holm([comparisons[i][3] for i in tried]), strict=True))
    return [
        _outcome(e, comparisons[i][0], comparisons[i][1], comparisons[i][2], corrected.get(i))
        for i, e in enumerate(expected)
    ]


def _outcome(e: Expectation, n: int, mean: float, wide: float, p: float | None) -> Outcome:
    if not n:
        return Outcome("open", f"not run: {e.left} or {e.right} is missing", e.published, False)
    if p is None:
        return Outcome("open", f"{mean * 100:+.2f} points from one seed: no verdict", e.published, False)
    span = f"{mean * 100:+.2f} points, 95 % interval {(mean - wide) * 100:+.2f} … {(mean + wide) * 100:+.2f}, corrected p = {p:.2g}"
    if e.relation == "same":
        return (
            Outcome("yes", f"no significant difference, as expected ({span})", e.published)
            if p >= 0.05
            else Outcome("no", f"a significant difference ({span})", e.published, False)
        )
    right_way = (mean > 0) == (e.relation == "more") and mean != 0
    if p < 0.05:
        phrase, status = ("as expected", "yes") if right_way else ("the opposite", "no")
        return Outcome(status, f"{phrase} ({span})", e.published, right_way)
    phrase = "in this direction, but" if right_way else "not in this direction, and"
    return Outcome("open", f"{phrase} not significant ({span})", e.published, right_way)
