"""torch's element types by NumPy's names."""

from __future__ import annotations

from typing import Any

import torch

DTYPES = frozenset("bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 float16 bfloat16 float32 float64".split())
NAMES: dict[Any, str] = {getattr(torch, name): name for name in DTYPES}
TYPES: dict[str, Any] = {name: dtype for dtype, name in NAMES.items()}


def dtype_name(x: Any) -> str:
    """NumPy's name of the element type."""
    return NAMES.get(x.dtype) or str(x.dtype).removeprefix("torch.")
