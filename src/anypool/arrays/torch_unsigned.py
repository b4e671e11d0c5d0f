"""torch's uint16, uint32 and uint64, which have few operations in torch: pooled through NumPy's
view of their memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from ..errors import PoolingError
from .torch_incoming import PLAIN, UNSIGNED, readable, tensor, transformed
from .torch_memory import into


def pooled(pool: Callable[..., Any], x: Any, windows: Any, reduction: Any, weights: Any, out: Any, options: Any) -> Any:
    """The result of the call. Sums are int64 as in torch; those of uint64 are uint64."""
    wide = "torch.float64 (exact below 2**53)" if x.dtype is torch.uint64 else str(UNSIGNED[x.dtype])
    if type(x) not in PLAIN or not x.is_cpu or transformed():
        raise PoolingError(f"x of {x.dtype} on {x.device}: torch has few words for it; pass x.to({wide})")
    each = reduction if isinstance(reduction, (tuple, list)) else (reduction,)
    learned = [weights, *(v for r in each for v in getattr(r, "parameters", {}).values())]
    if torch.is_grad_enabled() and any(getattr(v, "requires_grad", False) for v in learned):
        raise PoolingError(f"x of {x.dtype} with weights or a parameter that learn: pass x.to(torch.float64)")
    if any(isinstance(v, torch.Tensor) for v in learned[1:]):
        raise PoolingError(f"x of {x.dtype} with a tensor as parameter: pass x.to(torch.float64), or a NumPy parameter")
    if isinstance(weights, torch.Tensor):
        weights = tensor(weights, "weights").detach()
    y = pool(readable(x).numpy(), windows, reduction, weights=weights, **options)
    tensors = tuple(_tensor(v, x) for v in y) if isinstance(y, tuple) else _tensor(y, x)
    return tensors if out is None else into(out, tensors if isinstance(tensors, tuple) else (tensors,))[0]


def _tensor(y: Any, x: Any) -> Any:
    as_tensor = torch.from_numpy(y)
    return as_tensor.view(torch.int64) if as_tensor.dtype is torch.uint64 and x.dtype is not torch.uint64 else as_tensor
