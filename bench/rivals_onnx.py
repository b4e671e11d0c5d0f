"""onnxruntime's pooling operators, their memory bound beforehand."""

from __future__ import annotations

from typing import Any

import numpy as np

from .cases import Case
from .data import numpy_of


def onnxruntime_rival(case: Case, x: Any, threads: int) -> Any:
    """MaxPool, AveragePool, GlobalMaxPool, GlobalAveragePool as models of one operator, or the
    reason."""
    refusal = _refuses(case, x)
    if refusal:
        return refusal
    import onnx
    import onnxruntime

    runtime: Any = onnxruntime
    helper: Any = onnx.helper
    kinds = {"float32": onnx.TensorProto.FLOAT, "uint8": onnx.TensorProto.UINT8}
    array = numpy_of(x)
    array = array[(None,) * (len(case.axes) + 2 - array.ndim)]
    both = case.reduction == ("max", "argmax")
    outputs = ["y", "places"] if both else ["y"]
    node = helper.make_node(*_operator(case, outputs))
    for key, value in _attributes(case).items():
        node.attribute.append(helper.make_attribute(key, value))
    described = [helper.make_tensor_value_info("y", kinds[case.dtype], None)]
    if both:
        described.append(helper.make_tensor_value_info("places", onnx.TensorProto.INT64, None))
    given = helper.make_tensor_value_info("x", kinds[case.dtype], array.shape)
    graph = helper.make_graph([node], "pool", [given], described)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 19)], ir_version=9)
    options = runtime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = threads, 4
    session = runtime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    first = session.run(None, {"x": array})
    shape = tuple(case.windows.output_shape(case.shape, case.axes))
    binding = session.io_binding()
    binding.bind_ortvalue_input("x", runtime.OrtValue.ortvalue_from_numpy(array))
    held = [runtime.OrtValue.ortvalue_from_numpy(np.zeros_like(y)) for y in first]
    for name, value in zip(outputs, held, strict=True):
        binding.bind_ortvalue_output(name, value)

    def run() -> Any:
        session.run_with_iobinding(binding)
        return held

    def result() -> Any:
        return session.run(None, {"x": array})[0].reshape(shape)

    return {"out": run, "check": result}


def _refuses(case: Case, x: Any) -> str | None:
    if case.direction != "forward":
        return "it has no gradients here"
    if case.where.kind == "segments":
        return "it has no segments"
    if case.reduction not in ("max", "mean", ("max", "argmax")):
        return "ONNX has no such pooling"
    if case.dtype not in ("float32", "uint8") or (case.dtype == "uint8" and case.reduction == "mean"):
        return f"its pooling has no {case.dtype}"
    if case.layout != "contiguous":
        return "its pooling has no channels-last"
    return None


def _operator(case: Case, outputs: list[str]) -> tuple[str, list[str], list[str]]:
    name = "AveragePool" if case.reduction == "mean" else "MaxPool"
    return ("Global" + name if case.where.kind == "whole" else name), ["x"], outputs


def _attributes(case: Case) -> dict[str, Any]:
    where = case.where
    if where.kind == "whole":
        return {}
    rank = len(where.size)
    found: dict[str, Any] = {
        "kernel_shape": list(where.size),
        "strides": [where.stride] * rank,
        "pads": [where.padding] * (2 * rank),
        "dilations": [where.dilation] * rank,
    }
    return {**found, "count_include_pad": 1} if case.reduction == "mean" else found
