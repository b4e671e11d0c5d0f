"""Groups of which most are empty: those that hold something as IndexedWindows, and which numbers they have among all."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from .grids import Ints
from .indexed import IndexedWindows


@dataclass(frozen=True, eq=False)
class SparseGroups(IndexedWindows):
    """The groups that hold something, and one empty one after them, whose answer is that of all others.

    It is planned, checked and pooled as these IndexedWindows; only its result's shape is that of all groups.
    """

    group_numbers: Ints = field(
        default_factory=lambda: np.zeros(0, np.int64)
    )  # of the groups that hold something, ascending
    total: int = 0  # how many groups there are

    @cached_property
    def nonempty(self) -> IndexedWindows:
        """The groups that hold something and the empty one, as IndexedWindows alone."""
        return IndexedWindows(
            self.shape, self.pooled_dims, self.indices, self.windows_shape, self.result_dims, group_ids=self.group_ids
        )

    @cached_property
    def out_shape(self) -> tuple[int, ...]:
        """Shape of the result."""
        shape = list(self.nonempty.out_shape)
        shape[self.result_dims[0]] = self.total
        return tuple(shape)
