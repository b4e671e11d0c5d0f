"""Each fold by name: the registry of the tests of folds; brute.FORMULAS has their formulas."""

from __future__ import annotations

from typing import Any

import anypool as ap

FOLDS: dict[str, Any] = {
    **{name: name for name in ap.REDUCTIONS},
    "Lp(1)": ap.Lp(1),
    "Lp(2)": ap.Lp(2),
    "Lp(3)": ap.Lp(3),
    "Lp(inf)": ap.Lp(float("inf")),
    "PowerMean(3)": ap.PowerMean(3),
    "PowerMean(-2)": ap.PowerMean(-2),
    "PowerMean(0)": ap.PowerMean(0),
    "PowerMean(3, signed)": ap.PowerMean(3, form="signed"),
    "PowerMean(1.5, magnitude)": ap.PowerMean(1.5, form="magnitude"),
    "LogSumExp(2)": ap.LogSumExp(2),
    "LogSumExp(-1)": ap.LogSumExp(-1),
    "LogMeanExp(1.5)": ap.LogMeanExp(1.5),
    "SoftPool(-0.5)": ap.SoftPool(-0.5),
    "Var(1)": ap.Var(1),
    "Std(0.5)": ap.Std(0.5),
}
# Parameters that matter to gradients and engines: compared with the reference, and by differences.
PARAMETERS: dict[str, Any] = {
    "Lp(0.5)": ap.Lp(0.5),
    "PowerMean(-1.5)": ap.PowerMean(-1.5),
    "PowerMean(2.5, magnitude)": ap.PowerMean(2.5, form="magnitude"),
    "LogSumExp(-2)": ap.LogSumExp(-2.0),
    "LogMeanExp(2)": ap.LogMeanExp(2.0),
    "LogMeanExp(-2)": ap.LogMeanExp(-2.0),
    "Var(0.5)": ap.Var(0.5),
}
DIFFERENTIABLE = "sum mean max min prod range rms var std logsumexp softpool first last".split()


def folds(*names: str) -> dict[str, Any]:
    """The folds of these names."""
    known = {**FOLDS, **PARAMETERS}
    return {name: known[name] for name in names}
