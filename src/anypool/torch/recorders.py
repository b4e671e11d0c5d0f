"""Tools that record torch's own operations, but not anypool's: which tool records, and the error
message."""

from __future__ import annotations

import sys
from typing import Any

import torch

from ..arrays.torch import tracing_state
from ..errors import PoolingError


def recorder(x: Any) -> str | None:
    """The name of the tool that records torch's operations while x is pooled; None if there is
    none.

    torch.compile and torch.export record anypool's operator, and are not included.
    """
    if not isinstance(x, torch.Tensor):
        return "torch.fx" if isinstance(x, torch.fx.Proxy) else None
    if tracing_state() is not None:
        return "torch.onnx.export" if exporting_onnx() else "torch.jit.trace"
    if torch.compiler.is_compiling() and not torch.compiler.is_dynamo_compiling() and exporting_onnx():
        return "torch.onnx.export"
    return None


def exporting_onnx() -> bool:
    """Whether torch.onnx.export runs."""
    onnx: Any = sys.modules.get("torch.onnx")  # it is loaded on first use
    return onnx is not None and onnx.is_in_onnx_export()


def refuse(what: str, tool: str | None, reduction: Any = None) -> None:
    """Raise PoolingError if a tool records."""
    if tool is not None:
        raise PoolingError(
            f"{tool} records operations of torch, and "
            f"{what}{'' if reduction is None else _names_of(reduction)} is none: "
            "torch.export.export(model, args) works, and layers whose numbers are torch's (anypool.nn.MaxPool2d, "
            "AvgPool2d, …) leave as torch's own operation"
        )


def _names_of(reduction: Any) -> str:
    """The names of the reductions; their tensors cannot be printed while a tool records."""
    each = reduction if isinstance(reduction, (tuple, list)) else (reduction,)
    return " of " + ", ".join(r if isinstance(r, str) else getattr(r, "name", "") or type(r).__name__ for r in each)
