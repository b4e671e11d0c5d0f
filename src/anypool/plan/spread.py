"""Groups of which most are empty: those that hold something as Lists, and which numbers they have among all."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from .grids import Ints
from .lists import Lists


@dataclass(frozen=True, eq=False)
class Spread(Lists):
    """The groups that hold something, and one empty one after them, whose answer is that of all others.

    It is planned, checked and pooled as these Lists; only its result's shape is that of all groups.
    """

    numbers: Ints = field(default_factory=lambda: np.zeros(0, np.int64))  # of the groups that hold something, ascending
    total: int = 0  # how many groups there are

    @cached_property
    def held(self) -> Lists:
        """The groups that hold something and the empty one, as Lists alone."""
        return Lists(self.shape, self.at, self.picks, self.windows_shape, self.into, owner=self.owner)

    @cached_property
    def out_shape(self) -> tuple[int, ...]:
        """Shape of the result."""
        shape = list(self.held.out_shape)
        shape[self.into[0]] = self.total
        return tuple(shape)
