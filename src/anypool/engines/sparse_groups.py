"""Groups most of which are empty: the answers of the others, laid into the result."""

from __future__ import annotations

from typing import Any

from ..arrays.adapter import adapter_of
from ..arrays.shape_ops import broadcast
from ..order_statistics import Order
from ..plan import SparseGroups


def everywhere(y: Any, plan: SparseGroups, reduction: Any) -> Any:
    """The answers of the groups that hold something, and that of the empty one everywhere else."""
    many = reduction.answers() if isinstance(reduction, Order) else None
    dim = plan.result_dims[0] + (many is not None and many[1] == 0)
    shape = tuple(plan.total if a == dim else n for a, n in enumerate(y.shape))
    front = (slice(None),) * dim
    held, empty = y[(*front, slice(0, -1))], y[(*front, slice(-1, None))]
    adapter = adapter_of(y)
    return adapter.put(adapter.copy(broadcast(empty, shape)), plan.group_numbers, held, dim)
