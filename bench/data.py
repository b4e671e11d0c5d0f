"""The arrays of a case: one block of memory, seen by torch and by NumPy."""

from __future__ import annotations

from typing import Any

import torch

from .cases import Case

DTYPES = {
    "float32": torch.float32,
    "bfloat16": torch.bfloat16,
    "uint8": torch.uint8,
    "uint16": torch.uint16,
    "uint32": torch.uint32,
}


def tensor_of(case: Case) -> torch.Tensor:
    """The input: normal numbers, or every integer that there is room for; the same in each run."""
    random = torch.Generator().manual_seed(0)
    if case.dtype.startswith("uint"):
        most = min(torch.iinfo(DTYPES[case.dtype]).max + 1, case.labels)
        x = torch.randint(0, most, case.shape, generator=random).to(DTYPES[case.dtype])
    else:
        x = torch.randn(case.shape, generator=random).to(DTYPES[case.dtype])
    if case.layout == "channels-last":
        x = x.contiguous(memory_format=torch.channels_last)
    return x


def numpy_of(x: Any) -> Any:
    """The same memory as a NumPy array; bfloat16 through ml_dtypes."""
    if x.dtype != torch.bfloat16:
        return x.detach().numpy()
    import ml_dtypes

    return x.detach().view(torch.int16).numpy().view(ml_dtypes.bfloat16)


def plain(y: Any) -> Any:
    """A result as a NumPy array of ordinary floats or integers, for comparing."""
    if isinstance(y, torch.Tensor):
        y = y.detach()
        y = (y.float() if y.dtype == torch.bfloat16 else y).numpy()
    return y.astype("float32") if str(y.dtype) == "bfloat16" else y
