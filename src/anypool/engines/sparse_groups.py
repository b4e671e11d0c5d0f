"""Groups that are mostly empty: the results of the nonempty groups are scattered into the full
result."""

from __future__ import annotations

from typing import Any

from ..arrays.adapter import adapter_of
from ..arrays.shape_ops import broadcast
from ..order_statistics import Order
from ..plan import SparseGroups


def scatter_groups(y: Any, plan: SparseGroups, reduction: Any) -> Any:
    """The results of the nonempty groups at their numbers, and the result of an empty group
    elsewhere."""
    answers = reduction.answers() if isinstance(reduction, Order) else None
    dim = plan.result_dims[0] + (answers is not None and answers[1] == 0)
    shape = tuple(plan.total if a == dim else n for a, n in enumerate(y.shape))
    front = (slice(None),) * dim
    nonempty, empty = y[(*front, slice(0, -1))], y[(*front, slice(-1, None))]
    adapter = adapter_of(y)
    return adapter.put(adapter.copy(broadcast(empty, shape)), plan.group_numbers, nonempty, dim)
