"""Tools that record torch's own operations, which ours are none of: who records now, and the one sentence about it."""

from __future__ import annotations

import sys
from typing import Any

import torch

from ..arrays.torch import tracing_state
from ..errors import PoolingError


def recorder(x: Any) -> str | None:
    """The tool that records torch's operations while x is pooled, by its name; None where none does.

    torch.compile and torch.export record an operator of ours, and are none of these.
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
    onnx: Any = sys.modules.get("torch.onnx")  # it is loaded by its first use
    return onnx is not None and onnx.is_in_onnx_export()


def refuse(what: str, tool: str | None, reduction: Any = None) -> None:
    """Raise the one sentence, if a tool records."""
    if tool is not None:
        raise PoolingError(
            f"{tool} records operations of torch, and {what}{'' if reduction is None else _said(reduction)} is none: "
            "torch.export.export(model, args) works, and layers whose numbers are torch's (anypool.nn.MaxPool2d, "
            "AvgPool2d, …) leave as torch's own operation"
        )


def _said(reduction: Any) -> str:
    """Of what, without its tensors: while a tool records, they cannot be printed."""
    each = reduction if isinstance(reduction, (tuple, list)) else (reduction,)
    return " of " + ", ".join(r if isinstance(r, str) else getattr(r, "name", "") or type(r).__name__ for r in each)
