"""One trial: one arm, one seed, one learning rate, trained and measured."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from torch import nn

from ..errors import PoolingError
from . import measure, models
from .data import Data, split
from .variants import Arm, apply

BATCH = 64
METRICS = ("accuracy", "accuracy_gaussian", "accuracy_salt", "shift_consistency")
COSTS = ("parameters", "flops", "memory_bytes", "forward_ms", "train_ms")


@dataclass
class Row:
    """The result of one trial; `status` is "done", "diverged", "failed" or "refused", `reason` a
    sentence.
    """

    arm: str
    seed: int
    rate: float
    choices: str = ""
    status: str = "done"
    reason: str = ""
    accuracy: float | None = None
    valid_accuracy: float | None = None
    loss: float | None = None
    accuracy_gaussian: float | None = None
    accuracy_salt: float | None = None
    shift_consistency: float | None = None
    parameters: int | None = None
    flops: int | None = None
    memory_bytes: int | None = None
    forward_ms: float | None = None
    train_ms: float | None = None
    seconds: float | None = None
    tested: int = 0
    losses: list[float] = field(default_factory=list)
    valid_accuracies: list[float] = field(default_factory=list)

    @property
    def gaussian_change(self) -> float | None:
        """The change of accuracy under Gaussian noise; a loss is negative."""
        return (
            None if self.accuracy is None or self.accuracy_gaussian is None else self.accuracy_gaussian - self.accuracy
        )

    @property
    def salt_change(self) -> float | None:
        """The change of accuracy under salt and pepper; a loss is negative."""
        return None if self.accuracy is None or self.accuracy_salt is None else self.accuracy_salt - self.accuracy

    def plain(self) -> dict[str, Any]:
        """The row as a dict for JSON."""
        return asdict(self)


def run_trial(
    data: Data, model: str, arm: Arm, seed: int, rate: float, epochs: int, beat: Callable[[], None] = lambda: None
) -> Row:
    """Train and measure. A seed gives every arm the same weights, batches and folds."""
    begin = time.perf_counter()
    row = Row(arm.name, seed, rate, arm.text)
    parts = split(data, seed)
    spread = float(data.x[parts.train].std()) or 1.0
    x = (torch.from_numpy(data.x) - float(data.x[parts.train].mean())) / spread
    y = torch.from_numpy(data.y)
    try:
        net = models.build(arm.model or model, data, seed)
        torch.manual_seed(seed + 1)  # the seed of the layers that an arm adds
        net = apply(net, arm, x[:2])
        models.check(net, data)
        row.__dict__.update(measure.cost(net, x[parts.train[:BATCH]], y[parts.train[:BATCH]]))
    except PoolingError as error:
        row.status, row.reason = "refused", str(error)
        return row
    try:
        _judged(net, x, y, parts, rate, epochs, seed, row, beat)
    except (RuntimeError, ValueError, TypeError, AttributeError, IndexError, KeyError) as error:  # the user's model
        row.status, row.reason = "failed", (str(error).strip().splitlines() or [type(error).__name__])[0]
    row.seconds = time.perf_counter() - begin
    return row


def _judged(
    net: nn.Module, x: Any, y: Any, parts: Any, rate: float, epochs: int, seed: int, row: Row, beat: Callable[[], None]
) -> None:
    net.zero_grad()
    torch.manual_seed(seed)  # the seed of dropout and other random layers
    problem = train(net, x, y, parts, rate, epochs, seed, row, beat)
    if problem:
        row.status, row.reason = "diverged", problem
        return
    test, truth = x[parts.test], y[parts.test]
    row.tested = len(truth)
    row.accuracy = _share(measure.predictions(net, test), truth)
    row.valid_accuracy = row.valid_accuracies[-1]
    row.accuracy_gaussian = _share(measure.predictions(net, measure.noisy(test, "gaussian", seed)), truth)
    row.accuracy_salt = _share(measure.predictions(net, measure.noisy(test, "salt", seed)), truth)
    row.shift_consistency = measure.shift_consistency(net, test)


def train(
    net: nn.Module, x: Any, y: Any, parts: Any, rate: float, epochs: int, seed: int, row: Row, beat: Callable[[], None]
) -> str:
    """Train with Adam and a cosine schedule; returns the reason if the loss is not finite, else
    "".
    """
    trained = [p for p in net.parameters() if p.requires_grad]
    if not trained:
        return "the model has no parameter to train"
    optimizer = torch.optim.Adam(trained, rate)
    train_rows = torch.from_numpy(parts.train)
    steps = math.ceil(len(train_rows) / BATCH)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs * steps)
    batches = torch.Generator().manual_seed(seed)
    for epoch in range(epochs):
        net.train()
        total = 0.0
        for rows in train_rows[
            torch.randperm(len(train_rows), generator=batches, dtype=torch.int64, device="cpu")
        ].split(BATCH):
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(net(x[rows]), y[rows])
            if not torch.isfinite(loss):
                return f"the loss became {float(loss.detach())} in epoch {epoch + 1}; use a smaller --rate"
            loss.backward()
            optimizer.step()
            schedule.step()
            total += float(loss.detach()) * len(rows)
        row.losses.append(total / len(train_rows))
        row.valid_accuracies.append(_share(measure.predictions(net, x[parts.valid]), y[parts.valid]))
        beat()
    row.loss = row.losses[-1]
    return ""


def _share(predicted: torch.Tensor, truth: torch.Tensor) -> float:
    return float((predicted == truth).double().mean())
