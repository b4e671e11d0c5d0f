"""The plane of weights of a recipe: where elements may be absent, or have weights."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ...plan import Job
from ..native.footprints import is_clipped, taps_of
from .words import FLOATS, Recipe, Refusal


def masked(job: Job) -> bool:
    """Whether elements may be absent or have weights."""
    return job.weights is not None or (job.omit_nan and job.dtype in FLOATS)


def may_be_empty(job: Job) -> bool:
    """Whether only the values tell which windows are empty: elements may be absent, or a window may
    contain none of a footprint's positions."""
    return masked(job) or (job.grid.taps is not None and job.grid.has_empty)


def counts_elements(job: Job) -> bool:
    """Whether the core counts the elements of each window: some may be absent, or a footprint is
    clipped."""
    return masked(job) or (job.grid.taps is not None and is_clipped(job.grid))


def with_weights(job: Job, plain: Recipe, weighting: str) -> Recipe:
    """The recipe with a plane of weights, if it must tell which windows are empty."""
    return weighted(job, plain, weighting) if may_be_empty(job) else plain


def weighted(job: Job, plain: Recipe, weighting: str) -> Recipe:
    real = job.weights is not None and job.weights[1] != "bool"
    if real and plain.plane not in FLOATS and not job.reduction.ignores_weight_value:
        raise Refusal(f"real weights are not compiled for a {job.reduction.name} of {job.dtype}")
    return replace(plain, weighting=weighting)


def averaged(job: Job, plain: Recipe) -> Recipe:
    """A recipe that divides by the total weight."""
    if counts_elements(job):
        if job.grid.divisor != "present":
            raise Refusal("a weighted mean with count= is not compiled")
        return weighted(job, plain, "total")
    return divided_by_taps(job, plain) if job.grid.taps is not None and job.grid.divisor == "present" else plain


def divided_by_taps(job: Job, plain: Recipe) -> Recipe:
    """A recipe that divides by the sum of the taps, since no window is clipped."""
    total = float(taps_of(job.grid, job.reduction).sum())
    if total == 0:
        raise Refusal("a mean whose taps add up to 0 is not compiled")
    return replace(plain, divisor=total)


def check_taps(job: Job, plan: Recipe) -> None:
    """Refuse signed taps where the core divides by their sum at run time."""
    if plan.weighting == "total" and bool(np.any(taps_of(job.grid, job.reduction) < 0)):
        raise Refusal(f"negative taps are not compiled for a {job.reduction.name} that divides by their sum")
