"""torch's operations with the numbers of our layers and functions, for TorchScript and exporters.

torch.jit.script reads these functions. torch.jit.trace, torch.fx and the ONNX exporters record
them.
"""

# the stubs of torch lack the types of TorchScript
# pyright: reportInvalidTypeForm=false, reportAttributeAccessIssue=false
from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, List, Optional  # noqa: UP035  (TorchScript reads these names)

import torch
import torch.nn.functional as T
from torch import Tensor
from torch._jit_internal import BroadcastingList1, BroadcastingList2, BroadcastingList3

Sizes = List[int]  # noqa: UP006


def norm(x: Tensor, p: float, size: List[int], stride: List[int], ceil_mode: bool) -> Tensor:  # noqa: UP006
    """(Σ|x|^p)^(1/p) of each window of the last axes."""
    x = x.abs()
    if p == math.inf:
        if len(size) == 1:
            return T.max_pool1d(x, size, stride, 0, 1, ceil_mode)
        elif len(size) == 2:
            return T.max_pool2d(x, size, stride, 0, 1, ceil_mode)
        else:
            return T.max_pool3d(x, size, stride, 0, 1, ceil_mode)
    return total(x.pow(p), size, stride, [0] * len(size), ceil_mode).pow(1.0 / p)


def total(x: Tensor, size: List[int], stride: List[int], padding: List[int], ceil_mode: bool) -> Tensor:  # noqa: UP006
    """Σx of each window of the last axes, for means with a divisor, which ONNX does not have."""
    many = 1
    zeros: List[int] = []  # noqa: UP006
    for i in range(len(size)):
        k, s, p = size[-1 - i], stride[-1 - i], padding[-1 - i]
        many *= k
        if ceil_mode:  # up to the end of the last window, which begins before the padding behind x
            n = x.shape[-1 - i]
            last = (n + p - 1) // s if s + p > k else (n + 2 * p - k + s - 1) // s
            zeros += [p, last * s + k - n - p]
        else:
            zeros += [p, p]
    if ceil_mode or max(zeros) > 0:
        x = T.pad(x, zeros)
    if len(size) == 1:
        return T.avg_pool1d(x, size, stride) * many
    elif len(size) == 2:
        return T.avg_pool2d(x, size, stride) * many
    else:
        return T.avg_pool3d(x, size, stride) * many


def lp_pool1d(
    input: Tensor,
    norm_type: float,
    kernel_size: BroadcastingList1[int],
    stride: Optional[BroadcastingList1[int]] = None,  # noqa: UP045
    ceil_mode: bool = False,
) -> Tensor:
    """The p-norm of each window of the last axis."""
    return norm(input, norm_type, kernel_size, kernel_size if stride is None else stride, ceil_mode)


def lp_pool2d(
    input: Tensor,
    norm_type: float,
    kernel_size: BroadcastingList2[int],
    stride: Optional[BroadcastingList2[int]] = None,  # noqa: UP045
    ceil_mode: bool = False,
) -> Tensor:
    """The p-norm of each window of the last two axes."""
    return norm(input, norm_type, kernel_size, kernel_size if stride is None else stride, ceil_mode)


def lp_pool3d(
    input: Tensor,
    norm_type: float,
    kernel_size: BroadcastingList3[int],
    stride: Optional[BroadcastingList3[int]] = None,  # noqa: UP045
    ceil_mode: bool = False,
) -> Tensor:
    """The p-norm of each window of the last three axes."""
    return norm(input, norm_type, kernel_size, kernel_size if stride is None else stride, ceil_mode)


def avg_pool1d(
    input: Tensor,
    kernel_size: BroadcastingList1[int],
    stride: Optional[BroadcastingList1[int]] = None,  # noqa: UP045
    padding: BroadcastingList1[int] = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Tensor:
    """The mean of each window of the last axis."""
    step = kernel_size if stride is None else stride
    return T.avg_pool1d(input, kernel_size, step, padding, ceil_mode, count_include_pad)


def avg_pool2d(
    input: Tensor,
    kernel_size: BroadcastingList2[int],
    stride: Optional[BroadcastingList2[int]] = None,  # noqa: UP045
    padding: BroadcastingList2[int] = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: Optional[int] = None,  # noqa: UP045
) -> Tensor:
    """The mean of each window of the last two axes."""
    step = kernel_size if stride is None else stride
    if divisor_override is not None:
        return total(input, kernel_size, step, padding, ceil_mode) / divisor_override
    return T.avg_pool2d(input, kernel_size, step, padding, ceil_mode, count_include_pad)


def avg_pool3d(
    input: Tensor,
    kernel_size: BroadcastingList3[int],
    stride: Optional[BroadcastingList3[int]] = None,  # noqa: UP045
    padding: BroadcastingList3[int] = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: Optional[int] = None,  # noqa: UP045
) -> Tensor:
    """The mean of each window of the last three axes."""
    step = kernel_size if stride is None else stride
    if divisor_override is not None:
        return total(input, kernel_size, step, padding, ceil_mode) / divisor_override
    return T.avg_pool3d(input, kernel_size, step, padding, ceil_mode, count_include_pad)


def adaptive_avg_pool1d(input: Tensor, output_size: BroadcastingList1[int]) -> Tensor:
    """The mean of output_size windows of the last axis."""
    return T.adaptive_avg_pool1d(input, output_size)


def twin(name: str) -> Callable[..., Any]:
    """The function of torch, or of this module, with the numbers of our function of this name."""
    return globals().get(name) or getattr(T, name)


def scriptable(function: Any) -> None:
    """Let torch.jit.script read the function's twin in its place."""
    name = function.__name__
    # The functions that TorchScript selects by the constant return_indices.
    dispatched: Any = torch._jit_internal.boolean_dispatched
    theirs = twin(name)
    if theirs in dispatched:
        dispatched[function] = dispatched[theirs]
    else:
        function.__prepare_scriptable__ = lambda: theirs
