"""Groups of which most are empty: IndexedWindows of the nonempty ones, and their numbers."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from .axis import Ints
from .indexed import IndexedWindows


@dataclass(frozen=True, eq=False)
class SparseGroups(IndexedWindows):
    """The nonempty groups and one empty group after them. All other groups share the empty group's
    result.

    Validation and engines see these IndexedWindows. Only `out_shape` counts all groups.
    """

    group_numbers: Ints = field(
        default_factory=lambda: np.zeros(0, np.int64)
    )  # the numbers of the nonempty groups, ascending
    total: int = 0  # the number of all groups

    @cached_property
    def nonempty(self) -> IndexedWindows:
        """The nonempty groups and the empty one, as plain IndexedWindows."""
        return IndexedWindows(
            self.shape, self.pooled_dims, self.indices, self.windows_shape, self.result_dims, group_ids=self.group_ids
        )

    @cached_property
    def out_shape(self) -> tuple[int, ...]:
        """The shape of the result."""
        shape = list(self.nonempty.out_shape)
        shape[self.result_dims[0]] = self.total
        return tuple(shape)
