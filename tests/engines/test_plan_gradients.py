"""Plan.backward: an engine that states no gradient computes the result in training too, and the
reference differentiates it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any, ClassVar

import numpy as np
import pytest
import torch

import anypool as ap
import anypool.engines as engines
from anypool.engines.plan import NOT_APPLICABLE, BaseEngine, CallContext, Plan, Refusal
from anypool.plan import Grid, Job
from anypool.torch import calls

WINDOWS = ap.sliding((2, 2), 1)
X = np.random.default_rng(0).normal(size=(4, 5))
WEIGHTS = np.random.default_rng(1).uniform(0.2, 1.0, (4, 5))


class ByView(BaseEngine):
    """Windows of 2×2, each computed by a NumPy function of a strided view."""

    name, backend = "by view", "cpu"
    functions: ClassVar[dict[str, Any]] = {"prod": np.prod, "median": np.median, "mean": None}

    def __init__(self) -> None:
        self.calls = 0

    def plan(self, job: Job) -> Plan | Refusal:
        fits = isinstance(job.grid, Grid) and job.reduction.name in self.functions and not job.omit_nan
        return Plan(self, job, "by view") if fits and job.device == "cpu" else NOT_APPLICABLE

    def run(self, plan: Plan, call: CallContext, x: Any, weights: Any, out: Any) -> Any:
        self.calls += 1
        return call.arrays.run_in_numpy(self._forward, call, x, plan.job, weights)

    def _forward(self, call: CallContext, x: Any, job: Job, weights: Any) -> Any:
        v = np.lib.stride_tricks.sliding_window_view(x, (2, 2))
        if weights is None:
            return self.functions[job.reduction.name](v, axis=(2, 3))
        u = np.lib.stride_tricks.sliding_window_view(np.broadcast_to(weights, x.shape), (2, 2))
        return (u * v).sum((2, 3)) / u.sum((2, 3))


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Iterator[ByView]:
    new = ByView()
    monkeypatch.setattr(engines, "ENGINES", (new, *engines.ENGINES))
    calls.READY.clear()  # plans of another tuple of engines
    yield new
    calls.READY.clear()


@pytest.mark.parametrize("reduction", ["prod", "median"])
def test_the_engine_computes_and_the_reference_differentiates(engine: ByView, reduction: str) -> None:
    t = torch.from_numpy(X).requires_grad_()
    y = ap.pool(t, WINDOWS, reduction)
    assert engine.calls == 1 and ap.explain(t, WINDOWS, reduction).engine == "by view"
    v = np.lib.stride_tricks.sliding_window_view(X, (2, 2))
    np.testing.assert_allclose(y.detach().numpy(), ByView.functions[reduction](v, axis=(2, 3)), rtol=1e-12)
    pooled = partial(ap.pool, windows=WINDOWS, reduction=reduction)
    assert torch.autograd.gradcheck(pooled, t)
    if reduction == "prod":
        assert torch.autograd.gradgradcheck(pooled, t)


def test_weights_may_learn(engine: ByView) -> None:
    t, w = torch.from_numpy(X).requires_grad_(), torch.from_numpy(WEIGHTS).requires_grad_()
    assert torch.autograd.gradcheck(lambda x, w: ap.pool(x, WINDOWS, "mean", weights=w), (t, w))
    assert engine.calls > 0


def test_repeated_calls_use_the_plan(engine: ByView) -> None:
    t = torch.from_numpy(X).requires_grad_()
    first, second = (ap.pool(t, WINDOWS, "prod") for _ in range(2))
    (first.sum() + 2 * second.sum()).backward()
    expected = torch.from_numpy(X).requires_grad_()
    (3 * ap.pool(expected, WINDOWS, "prod", backend="reference").sum()).backward()
    assert engine.calls == 2
    assert t.grad is not None and expected.grad is not None
    torch.testing.assert_close(t.grad, expected.grad)


def test_a_parameter_that_learns_is_differentiated(engine: ByView, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ByView.functions, "Lp", np.linalg.norm)
    q = torch.tensor(2.5, dtype=torch.float64, requires_grad=True)
    ap.pool(torch.from_numpy(X), WINDOWS, ap.Lp(q)).sum().backward()
    assert q.grad is not None and float(q.grad) < 0 and engine.calls == 0
