"""Intervals, paired differences and verdicts: Student's t, corrected for shared training data and
many arms.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from .data import FOLDS
from .trial import METRICS, Row

SHARED = 1 / (FOLDS - 1)  # test rows per training row, for the correction of Nadeau and Bengio (2003)


@dataclass(frozen=True)
class Difference:
    """Arm minus baseline on one metric, paired by seed; p is the p-value, `corrected` the one after
    Holm.
    """

    arm: str
    baseline: str
    metric: str
    n: int
    mean: float
    low: float
    high: float
    p: float
    corrected: float

    @property
    def significant(self) -> bool:
        """Whether the corrected p-value is below 5 %."""
        return self.corrected < 0.05

    @property
    def words(self) -> str:
        """The verdict as text."""
        if self.n < 2:
            return f"{self.mean * 100:+.2f} points; one seed gives no interval and no verdict"
        span = f"{self.mean * 100:+.2f} points, 95 % interval {self.low * 100:+.2f} … {self.high * 100:+.2f}"
        if not self.significant:
            return f"no significant difference from {self.baseline} ({span}, corrected p = {self.corrected:.2g})"
        return f"{'better' if self.mean > 0 else 'worse'} than {self.baseline} ({span}, corrected p = {self.corrected:.2g})"


def interval(values: Sequence[float], shared: float = SHARED) -> tuple[float, float]:
    """The mean and half of its 95 % interval, with the variance of Nadeau and Bengio for shared
    training rows.

    >>> interval([0.5, 0.5, 0.5])
    (0.5, 0.0)
    """
    from scipy import stats

    row = np.asarray(values, np.float64)
    n = len(row)
    if n < 2:
        return (float(row.mean()) if n else math.nan), math.nan
    wide = float(stats.t.ppf(0.975, n - 1)) * math.sqrt((1 / n + shared) * float(row.var(ddof=1)))
    return float(row.mean()), wide


def paired(
    a: Sequence[float], b: Sequence[float], tested: int = 0, shared: float = SHARED
) -> tuple[float, float, float]:
    """The mean of a − b, half of its interval, and the two-sided p-value.

    tested: the number of predictions. At least |mean| · tested of them differ, so the standard
    error is at least √(|mean| / tested), even if the seeds agree by chance.

    >>> paired([1.0, 2.0], [1.0, 2.0])
    (0.0, 0.0, 1.0)
    """
    from scipy import stats

    gaps = np.asarray(a, np.float64) - np.asarray(b, np.float64)
    mean = float(gaps.mean())
    if len(gaps) < 2:
        return mean, math.nan, math.nan
    error = math.sqrt((1 / len(gaps) + shared) * float(gaps.var(ddof=1)))
    error = max(error, math.sqrt(abs(mean) / tested) if tested else 0.0)
    if error == 0:
        return mean, 0.0, 1.0 if mean == 0 else 0.0
    wide = float(stats.t.ppf(0.975, len(gaps) - 1)) * error
    return mean, wide, float(2 * stats.t.sf(abs(mean / error), len(gaps) - 1))


def holm(p: Sequence[float]) -> list[float]:
    """Holm's step-down correction, which bounds the family-wise error rate.

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    order = sorted(range(len(p)), key=lambda i: p[i])
    corrected, most = [1.0] * len(p), 0.0
    for rank, i in enumerate(order):
        most = max(most, min(1.0, (len(p) - rank) * p[i]))
        corrected[i] = most
    return corrected


def best_rates(rows: list[Row]) -> list[Row]:
    """For each arm and seed, the row of the rate that was best on the validation set."""
    best: dict[tuple[str, int], Row] = {}
    for row in rows:
        if row.status != "done":
            continue
        old = best.get((row.arm, row.seed))
        if old is None or (row.valid_accuracy or 0, -(row.loss or 0)) > (old.valid_accuracy or 0, -(old.loss or 0)):
            best[row.arm, row.seed] = row
    return list(best.values())


def values_of(rows: list[Row], arm: str, metric: str) -> dict[int, float]:
    """A metric by seed."""
    values = {r.seed: getattr(r, metric) for r in rows if r.arm == arm and r.status == "done"}
    return {seed: float(v) for seed, v in values.items() if v is not None}


def differences(rows: list[Row], baseline: str, metric: str = "accuracy") -> list[Difference]:
    """Each arm against the baseline, over the seeds that both have, corrected by Holm over all
    arms.
    """
    base = values_of(rows, baseline, metric)
    result: list[Difference] = []
    for arm in dict.fromkeys(r.arm for r in rows):
        own = values_of(rows, arm, metric)
        seeds = sorted(set(own) & set(base))
        if arm == baseline or not seeds:
            continue
        tested = sum(r.tested for r in rows if r.arm == baseline and r.seed in seeds)
        mean, wide, p = paired([own[s] for s in seeds], [base[s] for s in seeds], tested)
        result.append(Difference(arm, baseline, metric, len(seeds), mean, mean - wide, mean + wide, p, p))
    tested = [d for d in result if d.n > 1]
    corrected = dict(zip((d.arm for d in tested), holm([d.p for d in tested]), strict=True))
    return [replace(d, corrected=corrected.get(d.arm, math.nan)) for d in result]


def verdict(rows: list[Row], baseline: str) -> str:
    """The study in one or two sentences."""
    against = differences(rows, baseline)
    if not against:
        return f"nothing to compare with {baseline!r}"
    n = min(d.n for d in against)
    if n < 2:
        return "one seed gives no interval and no verdict: use --seeds 5 or more"
    better = [d for d in against if d.significant and d.mean > 0]
    worse = [d for d in against if d.significant and d.mean < 0]
    smallest = float(np.median([(d.high - d.low) / 2 for d in against])) * 100
    phrases = [
        f"better than {baseline}: {', '.join(d.arm for d in better)}" if better else "",
        f"worse than {baseline}: {', '.join(d.arm for d in worse)}" if worse else "",
    ]
    others = len(against) - len(better) - len(worse)
    if not better and not worse:
        start = f"no significant difference: none of {len(against)} arms differs from {baseline} in accuracy"
    else:
        start = "; ".join(s for s in phrases if s) + (
            f"; {others} others do not differ significantly" if others else ""
        )
    test = f"paired t over {n} seeds, Holm over {len(against)} arms"
    return f"{start} ({test}; differences under about {smallest:.1f} points are not detectable with so few)"


def summary(rows: list[Row], baseline: str) -> list[dict[str, object]]:
    """One record for each arm: means, intervals, the difference from the baseline and its
    verdict.
    """
    records: list[dict[str, object]] = []
    chosen = best_rates(rows)
    against = {(d.arm, d.metric): d for m in METRICS for d in differences(chosen, baseline, m)}
    for arm in dict.fromkeys(r.arm for r in rows):
        own = [r for r in chosen if r.arm == arm]
        record: dict[str, object] = {
            "arm": arm,
            "choices": next(r.choices for r in rows if r.arm == arm),
            "seeds": len(own),
        }
        failed = next((r for r in rows if r.arm == arm and r.status != "done"), None)
        for metric in METRICS:
            record[metric], record[f"{metric}_interval"] = interval(list(values_of(chosen, arm, metric).values()))
        for name in ("parameters", "flops", "memory_bytes", "forward_ms", "train_ms"):
            record[name] = float(np.median([getattr(r, name) for r in own])) if own else math.nan
        d = against.get((arm, "accuracy"))
        record["verdict"] = "the baseline" if arm == baseline else d.words if d else "not compared"
        if failed is not None:
            record["verdict"] = (
                f"{failed.status} in {sum(r.status != 'done' for r in rows if r.arm == arm)} trials: {failed.reason}"
            )
        records.append(record)
    return records
