"""Weighted reductions of other libraries: torch by hand, NumPy, SciPy and scikit-image."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

import anypool as ap

from .cases import Case
from .data import numpy_of
from .weighted_calls import Calls, HowMuch, ball, gradient, weights


def by_hand(case: Case, x: torch.Tensor, how: HowMuch) -> Calls:
    """Masked statistics over axis 1 as torch users write them."""
    mask = torch.as_tensor(weights(how.kind, how.shape))

    def mean() -> Any:
        return (x * mask).sum(1, keepdim=True) / mask.sum(1, keepdim=True)

    def deviation(centre: Any) -> Any:
        return (((x - centre) ** 2 * mask).sum(1, keepdim=True) / mask.sum(1, keepdim=True)).sqrt()

    def both() -> Any:
        centre = mean()
        return centre, deviation(centre)

    made: dict[Any, Any] = {
        "mean": mean,
        "max": lambda: x.masked_fill(~mask, -torch.inf).amax(1, keepdim=True),
        "std": lambda: deviation(mean()),
        ("mean", "std"): both,
    }
    return {"new": made[case.reduction]}


def softmax_by_hand(case: Case, x: torch.Tensor, how: HowMuch) -> Calls:
    """A softmax and a sum over axis 1; in sliding windows, two average poolings."""
    logits = torch.as_tensor(weights(how.kind, how.shape))

    def forward(t: Any, a: Any) -> Any:
        if case.where.kind == "whole":
            return (torch.softmax(a, 1) * t).sum(1, keepdim=True)
        e, where = torch.exp(a - a.max()), case.where
        sums = [torch.nn.functional.avg_pool2d(v, where.size, where.stride, where.padding) for v in (e * t, e)]
        return sums[0] / sums[1]

    if case.direction == "forward":
        return {"new": lambda: forward(x, logits)}
    leaves = [x.clone().requires_grad_(), logits.clone().requires_grad_()]
    return {"new": gradient(case, leaves, forward)}


def masked_numpy(case: Case, x: torch.Tensor, how: HowMuch) -> Calls:
    """NumPy's function of the elements that a mask selects."""
    array, mask = numpy_of(x), weights(how.kind, how.shape)
    fold: Any = {"std": np.std, "median": np.median}[case.reduction]
    return {"new": lambda: fold(array[mask])}


def scipy_footprint(case: Case, x: torch.Tensor, how: HowMuch) -> Calls:
    """Filters of ndimage; a mean is a correlation over the number of elements in the image."""
    from scipy import ndimage

    array, disk = numpy_of(x), ball(*how.footprint) if how.footprint else None
    if case.reduction in ("max", "min"):
        filtered: Any = ndimage.maximum_filter if case.reduction == "max" else ndimage.minimum_filter
        beyond = -np.inf if case.reduction == "max" else np.inf
        return {"new": lambda: filtered(array, footprint=disk, mode="constant", cval=beyond)}
    taps = np.asarray(disk, np.float32)
    if case.reduction == "sum":
        return {"new": lambda: ndimage.correlate(array, taps, mode="constant")}
    divisor = ap.pool(np.ones_like(array), case.windows, "sum", axes=case.axes)
    return {"new": lambda: ndimage.correlate(array, taps, mode="constant") / divisor}


def rank_median(case: Case, x: torch.Tensor, how: HowMuch) -> Calls:
    """rank.median of a disk; only windows inside the image are compared: at the edge it takes one
    of two middle values."""
    from skimage.filters import rank

    array, disk = numpy_of(x), ball(*how.footprint).astype(np.uint8) if how.footprint else None
    inside = (slice(case.where.padding, -case.where.padding),) * 2

    def check() -> Any:
        result = ap.pool(array, case.windows, "median", axes=case.axes)
        result[inside] = rank.median(array, disk)[inside]
        return result

    return {"new": lambda: rank.median(array, disk), "check": check}
