"""spread() under torch.compile: one graph, the numbers and gradients of the eager call."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import anypool as ap

CALLS: dict[str, tuple[Any, tuple[int, ...], dict[str, Any]]] = {
    "tiles": (ap.sliding((2, 2)), (6, 8), {}),
    "overlapping, not all covered": (ap.sliding((3, 2), 2), (8, 7), {"empty": 3}),
    "padded": (ap.sliding((3, 3), 1, 1, count="padded"), (5, 4), {}),
    "taps": (ap.sliding((2, 3), 1, taps=([1.0, 0.5], [0.25, 1.0, 2.0])), (5, 4), {}),
    "axes": (ap.sliding((3, 2)), (9, 4), {"axes": (2, 1)}),
    "adaptive": (ap.adaptive((4, 3)), (5, 7), {}),
    "weights": (ap.sliding((3, 2), 2), (7, 6), {"weights": torch.arange(42.0).reshape(7, 6) % 3}),
}


@pytest.mark.parametrize("key", list(CALLS))
def test_one_graph(key: str) -> None:
    windows, shape, options = CALLS[key]
    whole = shape if len(shape) > 2 else (2, *shape)
    whole = (2, 4, 9) if key == "axes" else whole
    axes = options.get("axes")
    y = torch.randn(windows.output_shape(whole, axes), requires_grad=True)
    for reduction in ("sum", "mean", "average", "max", "min"):
        more = {k: v for k, v in options.items() if k != "weights" or reduction in ("sum", "mean")}

        def call(v: Any, more: Any = more, rule: str = reduction) -> Any:
            return ap.spread(v * 2, windows, shape, rule, **more) + 1

        torch._dynamo.reset()
        got, want = torch.compile(call, fullgraph=True, backend="aot_eager")(y), call(y)
        torch.testing.assert_close(got, want)
        slopes = [torch.autograd.grad((r * torch.arange(r.numel()).reshape(r.shape)).sum(), y)[0] for r in (got, want)]
        torch.testing.assert_close(*slopes)


def test_what_no_graph_has() -> None:
    y = torch.randn(2, 3)
    refused = {"windows": ap.groups([0, 0, 1, 1]), "axes": 0, "shape": 4}
    for options in (refused, {"reduction": "last"}, {"at": torch.zeros(2, 3, dtype=torch.int64)}, {"shape": (9, 9)}):

        def call(v: Any, options: Any = options) -> Any:
            return ap.spread(v, **{"windows": ap.sliding((2, 2)), "shape": (4, 6), **options})

        torch._dynamo.reset()
        with pytest.raises(Exception, match=r"while torch\.compile traces"):
            torch.compile(call, fullgraph=True, backend="aot_eager")(y)
