"""Order statistics of windows that list their elements: the call of the compiled core in either array library."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np

from ..backends import memory, orders_lists
from ..plan import Job, Lists
from ..words import library
from . import lists_sums
from . import numpy as arrays


def forward(x: Any, job: Job) -> Any:
    """The answers; the job's windows may be a Grid, read as lists."""
    lists = job.grid if isinstance(job.grid, Lists) else orders_lists.listing(job.grid)
    assert lists is not None
    x, lists = lists_sums.lifted(x, lists)
    job = replace(job, grid=lists)
    run = _numpy if isinstance(x, np.ndarray) else _torch
    made = run(x, job)
    if made is None:
        module: Any = np if isinstance(x, np.ndarray) else library(x)
        turned = _turned(lists)
        x = module.moveaxis(x, lists.at, turned.at)
        made = run(np.ascontiguousarray(x) if module is np else x.contiguous(), replace(job, grid=turned))
        made = module.moveaxis(made, turned.into, lists.into)
    return made


@lru_cache(maxsize=64)
def _turned(lists: Lists) -> Lists:
    """The same windows of arrays whose pooled axes lie last."""
    lead = [n for a, n in enumerate(lists.shape) if a not in lists.at]
    shape = (*lead, *(lists.shape[a] for a in lists.at))
    into = tuple(range(len(lead), len(lists.out_shape)))
    return replace(lists, shape=shape, at=tuple(range(len(lead), len(shape))), into=into)


def _numpy(x: Any, job: Job) -> Any:
    prepared = orders_lists.prepare(job, (s // x.itemsize for s in x.strides))
    if prepared is None:
        return None
    y = memory.empty(prepared.shape, x.dtype if prepared.result == job.dtype else np.float64)
    prepared.forward(arrays.address(x), arrays.address(y))
    return y.transpose(prepared.back)


def _torch(x: Any, job: Job) -> Any:
    from .dtypes import TYPES
    from .tensors import empty

    prepared = orders_lists.prepare(job, x.stride())
    if prepared is None:
        return None
    y = empty(prepared.shape, TYPES[prepared.result])
    prepared.forward(x.data_ptr(), y.data_ptr())
    return y.permute(prepared.back)
