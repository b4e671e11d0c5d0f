"""The plots of a study: intervals, accuracy against cost, learning curves, pooled images."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from ..show.canvas import COLOURS, INK, PALE, figure, styled
from .statistics import differences

if TYPE_CHECKING:
    from .running import Study

TITLES = {
    "accuracy": "accuracy",
    "accuracy_gaussian": "accuracy under Gaussian noise",
    "accuracy_salt": "accuracy under salt and pepper",
    "shift_consistency": "same class after a shift of one pixel",
}


@styled
def intervals(study: Study, metric: str = "accuracy") -> Any:
    """Mean and interval of each arm, and its paired difference from the baseline, filled if
    significant.
    """
    records = study.summary
    against = {d.arm: d for d in differences(study.chosen, study.baseline, metric)}
    drawing, (left, right) = figure(9.6, 1.2 + 0.32 * len(records), 1, 2, sharey=True)
    for i, record in enumerate(records):
        if math.isnan(record[metric]):
            continue
        base = record["arm"] == study.baseline
        wide = 0 if math.isnan(record[f"{metric}_interval"]) else record[f"{metric}_interval"] * 100
        left.errorbar(record[metric] * 100, i, xerr=wide, fmt="o", color=INK if base else COLOURS[0], capsize=3, ms=5)
        d = against.get(record["arm"])
        if base:
            right.plot(0, i, "o", color=INK, ms=5)
        elif d is not None:
            colour = (COLOURS[2] if d.mean > 0 else COLOURS[3]) if d.significant else PALE
            wide = 0 if math.isnan(d.low) else (d.high - d.low) / 2 * 100
            face = colour if d.significant else "white"
            right.errorbar(d.mean * 100, i, xerr=wide, fmt="o", color=colour, mfc=face, capsize=3, ms=5)
    left.set_yticks(range(len(records)), [r["arm"] for r in records])
    left.set_ylim(len(records) - 0.5, -0.5)
    left.set_title(f"{TITLES[metric]}, %: mean and 95 % interval")
    right.axvline(0, color=INK, lw=1)
    right.set_title(f"minus {study.baseline}, points (filled: significant after Holm)")
    return drawing


@styled
def against_cost(study: Study) -> Any:
    """Accuracy against FLOPs and against the measured training time."""
    from matplotlib.ticker import LogLocator

    records = [r for r in study.summary if not math.isnan(r["accuracy"])]
    drawing, axes = figure(9.6, 3.4, 1, 2, sharey=True)
    for axis, key, label, scale in zip(
        axes, ("flops", "train_ms"), ("thousand FLOPs an image", "ms a training step"), (1e-3, 1), strict=True
    ):
        for i, r in enumerate(records):
            wide = 0 if math.isnan(r["accuracy_interval"]) else r["accuracy_interval"] * 100
            colour, mark = COLOURS[i % len(COLOURS)], "os^Dv"[i // len(COLOURS) % 5]
            axis.errorbar(
                r[key] * scale,
                r["accuracy"] * 100,
                yerr=wide,
                fmt=mark,
                color=colour,
                capsize=2,
                ms=5,
                elinewidth=0.8,
                label=r["arm"],
            )
        axis.set_xlabel(label)
        values = [r[key] for r in records]
        if max(values) > 5 * min(values):
            axis.set_xscale("log")
            axis.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            axis.xaxis.set_major_formatter("{x:g}")
            axis.xaxis.set_minor_formatter("")
    axes[0].set_ylabel("accuracy, %")
    axes[0].set_title("accuracy against cost")
    axes[1].legend(loc="center left", bbox_to_anchor=(1, 0.5), fontsize=8)
    return drawing


@styled
def curves(study: Study) -> Any:
    """Training loss and validation accuracy by epoch, as means over the seeds."""
    drawing, (left, right) = figure(9.6, 3.2, 1, 2)
    for i, arm in enumerate(dict.fromkeys(r.arm for r in study.chosen)):
        own = [r for r in study.chosen if r.arm == arm]
        colour, line = COLOURS[i % len(COLOURS)], ("-", "--", ":", "-.")[i // len(COLOURS) % 4]
        epochs = np.arange(1, len(own[0].losses) + 1)
        mark = "o" if len(epochs) == 1 else None
        left.plot(epochs, np.mean([r.losses for r in own], 0), line, color=colour, label=arm, marker=mark)
        right.plot(
            epochs, 100 * np.mean([r.valid_accuracies for r in own], 0), line, color=colour, label=arm, marker=mark
        )
    left.set_title("training loss")
    left.set_yscale("log")
    right.set_title("validation accuracy, %")
    for axis in (left, right):
        axis.set_xlabel("epoch")
        axis.xaxis.get_major_locator().set_params(integer=True)
    right.legend(loc="center left", bbox_to_anchor=(1, 0.5), fontsize=8)
    return drawing


@styled
def first_poolings(study: Study, most: int = 8) -> Any:
    """An image of the data, and the same image after the first pooling of each arm."""
    import torch
    from torch import nn

    from .variants import _layer

    image = study.data.x[:1]
    if image.ndim != 4:
        return None
    shown: list[tuple[str, Any]] = [("the image", image)]
    for arm in study.arms:
        choice = arm.choices[0][1]
        try:
            pool: Any = _layer(nn.MaxPool2d(2), choice, {})
            with torch.no_grad():
                once = pool(torch.from_numpy(image))
        except Exception:  # a trained layer has no result before training
            continue
        if choice != "none" and len(shown) <= most:
            shown.append((arm.name, once.numpy()))
    drawing, axes = figure(min(1.3 * len(shown) + 0.4, 12), 1.8, 1, len(shown), squeeze=False)
    for axis, (name, pixels) in zip(axes[0], shown, strict=True):
        axis.imshow(pixels[0].mean(0), cmap="gray", interpolation="nearest", extent=(0, 1, 1, 0))
        axis.set_title(name if len(name) < 16 else name[:15] + "…", fontsize=8, fontweight="normal")
        axis.set_xlabel(f"{pixels.shape[-2]}×{pixels.shape[-1]}", fontsize=8)
        axis.set_xticks([])
        axis.set_yticks([])
        axis.grid(visible=False)
    return drawing
