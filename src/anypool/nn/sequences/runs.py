"""Masks whose valid tokens are one run in each row, as spans."""

from __future__ import annotations

from typing import Any

import numpy as np
from torch import Tensor

from ... import windows as kinds


def as_runs(mask: Tensor) -> Any:
    """The spans of the valid tokens of each row of a mask (batch, time); None if a row has a
    gap."""
    keep = mask.detach().cpu().numpy()
    batch, time = keep.shape
    if not time:
        return kinds.padded([0] * batch)
    count, first = keep.sum(1), keep.argmax(1)
    last = time - 1 - keep[:, ::-1].argmax(1)
    if ((last - first + 1 != count) & (count > 0)).any():
        return None
    return kinds.spans(first, first + count, np.arange(batch))
