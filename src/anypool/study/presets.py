"""The claims of the article, each with the result that was expected before the run."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..atomic_write import write_text
from ..errors import PoolingError
from . import training_free as exact
from .hypotheses import Expectation, Outcome, judge
from .running import Study, run
from .variants import Arm, arm_of


@dataclass(frozen=True)
class Preset:
    """One claim: its study and its expectations."""

    title: str
    claim: str  # the statement, and its numbers in the article
    arms: tuple[tuple[str, str, str], ...]  # name, choices, model ("": that of the preset)
    expected: tuple[Expectation, ...]
    data: str = "digits"
    model: str = "small"
    metrics: tuple[str, ...] = ("accuracy",)
    exact: str = ""  # a measurement without training: a key of training_free.MEASURES


def _over(size: int, stride: int, more: str = "") -> str:
    return f"sliding({(size, size)}, {stride}, {(size - stride + 1) // 2}{more})"


MAX, MEAN, STRIDED = ("max", "max", ""), ("mean", "mean", ""), ("strided", "strided", "")
SPRINGENBERG = "Springenberg et al. 2015: 9.31 % error with pooling, 10.19 % strided (CIFAR-10, model C)"
SCHERER = "Scherer et al. 2010: no significant gain from overlapping windows"
PRESETS: dict[str, tuple[Preset, ...]] = {
    "kernels": (
        Preset(
            "Kernel and stride",
            "Different kernel sizes give different accuracy (S36).",
            (
                MAX,
                ("max 3/2", f"max@{_over(3, 2)}", ""),
                ("max 4/2", "max@sliding((4, 4), 2, 1)", ""),
                MEAN,
                ("mean 3/2", f"mean@{_over(3, 2)}", ""),
            ),
            (
                Expectation("max 3/2", "max", "same", published=SCHERER),
                Expectation("max 4/2", "max", "less"),
                Expectation(
                    "max",
                    "mean",
                    "more",
                    published="Scherer et al. 2010: max well above subsampling",
                ),
            ),
        ),
    ),
    "strided": (
        Preset(
            "Pooling against strided convolution",
            "A network with pooling is better than one without (S31).",
            (
                MAX,
                STRIDED,
                ("strided, equal FLOPs", "strided", "small?width=33"),
                ("conv", "conv", ""),
                ("none", "none", ""),
            ),
            (
                Expectation("strided", "max", "less", published=SPRINGENBERG),
                Expectation(
                    "conv",
                    "max",
                    "same",
                    published="Springenberg et al. 2015: a learned convolution in its place ties (9.08 % against 9.31 %)",
                ),
                Expectation("strided, equal FLOPs", "max", "same"),
            ),
        ),
    ),
    "noise": (
        Preset(
            "Noise",
            "Max pooling is chosen because it reduces noise (S29).",
            (MAX, MEAN, ("median", "median", ""), ("softpool", "softpool", ""), ("LogMeanExp(1)", "LogMeanExp(1)", "")),
            (
                Expectation("mean", "max", "more", "gaussian_change"),
                Expectation("median", "max", "more", "salt_change"),
            ),
            metrics=("accuracy", "accuracy_gaussian", "accuracy_salt"),
            exact="noise",
        ),
    ),
    "edges": (
        Preset(
            "Edges",
            "Pixels near the edge are harder to learn (S16, S23).",
            (
                ("mean 3/2", f"mean@{_over(3, 2)}", ""),
                ("mean 3/2 padded", f"mean@{_over(3, 2, ', count=' + repr('padded'))}", ""),
                MAX,
            ),
            (Expectation("mean 3/2", "mean 3/2 padded", "same"),),
            data="canvas",
            model="small?head=max",
            exact="edges",
        ),
    ),
    "cost": (Preset("Cost", "Pooling lowers cost; dilation raises it (S1–S3, S58).", (), (), exact="cost"),),
    "heads": (
        Preset(
            "Global averaging discards position",
            "Global average pooling may lose information (S12, S35): which quarter of the canvas contains the digit?",
            (("max", "max", ""), ("global mean", "max", "small?head=mean"), ("global max", "max", "small?head=max")),
            (Expectation("global mean", "max", "less"), Expectation("global max", "max", "less")),
            data="places",
        ),
        Preset(
            "Global averaging and what a digit is",
            "… and yet it may classify better (S33, S35).",
            (("max", "max", ""), ("global mean", "max", "small?head=mean"), ("global max", "max", "small?head=max")),
            (
                Expectation(
                    "global mean",
                    "max",
                    "more",
                    published="Lin et al. 2013: global averaging in place of fully connected layers, 10.41 % error on CIFAR-10",
                ),
            ),
        ),
    ),
    "shifts": (
        Preset(
            "Shifts",
            "Pooling makes the answer independent of small shifts (E).",
            (MAX, ("blur", "blur", ""), MEAN, STRIDED),
            (
                Expectation(
                    "blur",
                    "max",
                    "more",
                    "shift_consistency",
                    published="Zhang 2019: VGG16bn 89.24 → 91.35 % consistency, ImageNet",
                ),
                Expectation("max", "strided", "more", "shift_consistency"),
            ),
            metrics=("accuracy", "shift_consistency"),
        ),
    ),
    "league": (
        Preset(
            "All statistics",
            "The statistic matters (S36–S38).",
            tuple(
                (n, n, "") for n in ("max", "mean", "median", "min", "rms", "Lp(3)", "softpool", "LogMeanExp(1)", "std")
            ),
            (
                Expectation("rms", "max", "same"),
                Expectation("Lp(3)", "max", "same"),
                Expectation("softpool", "max", "same"),
                Expectation("median", "max", "less"),
            ),
        ),
    ),
}


@dataclass(frozen=True)
class Claim:
    """One row of the first table of the report."""

    title: str
    expected: str
    result: str


def run_presets(
    names: str, out: str | Path, seeds: int = 5, budget: int = 10, *, store: str = "", progress: bool = True
) -> str:
    """Test the named claims (separated by commas, or "all"); writes a report, and returns it as
    text.
    """
    selected = list(PRESETS) if names == "all" else [n.strip() for n in names.split(",")]
    unknown = [n for n in selected if n not in PRESETS]
    if unknown:
        raise PoolingError(f"preset {unknown[0]!r}: use {', '.join(PRESETS)} or all")
    folder = Path(out)
    studies: list[tuple[Preset, Study]] = []
    claims: list[Claim] = []
    extra: list[str] = []
    notes: list[str] = []
    records: list[dict[str, Any]] = []
    for preset in (p for n in selected for p in PRESETS[n]):
        outcomes: list[tuple[str, Outcome]] = []
        if preset.arms:
            study, missing = _study(preset, folder, seeds, budget, store, progress)
            notes += missing
            studies.append((preset, study))
            outcomes += [
                (e.words, s) for e, s in zip(preset.expected, judge(preset.expected, study.chosen), strict=True)
            ]
        if preset.exact:
            page, facts = exact.MEASURES[preset.exact]()
            extra.append(page)
            outcomes += facts
        for words, s in outcomes:
            claims.append(Claim(preset.title, words, s.words))
            records.append(
                {
                    "claim": preset.title,
                    "expected": words,
                    "status": s.status,
                    "direction": s.direction,
                    "seen": s.words,
                    "published": s.published,
                }
            )
    folder.mkdir(parents=True, exist_ok=True)
    write_text(folder / "claims.json", json.dumps(records, indent=1, ensure_ascii=False))
    from .report import write_report

    intros = [f"{p.claim} Expected: {'; '.join(e.words for e in p.expected)}." for p, _ in studies]
    write_report(
        folder,
        [s for _, s in studies],
        claims,
        intros,
        extra,
        [p.metrics for p, _ in studies],
        [p.title for p, _ in studies],
    )
    lines = [f"{c.title}: expected: {c.expected}\n  result: {c.result}" for c in claims]
    published = [r for r in records if r["published"]]
    same = [r for r in published if r["direction"]]
    sure = [r for r in published if r["status"] == "yes"]
    lines += notes
    if published:
        lines.append(
            f"published findings: {len(sure)} of {len(published)} reproduced, {len(same) - len(sure)} "
            "more in the expected direction but not significant"
        )
        lines += [f"  not reproduced: {r['published']} ({r['seen']})" for r in published if not r["direction"]]
    text = "\n".join([*lines, f"report: {folder / 'report.html'}"])
    write_text(folder / "claims.txt", text + "\n")
    return text


def _study(preset: Preset, out: Path, seeds: int, budget: int, store: str, progress: bool) -> tuple[Study, list[str]]:
    arms: list[Arm] = []
    notes: list[str] = []
    for name, text, model in preset.arms:
        try:
            arms.append(arm_of(text, name, model))
        except PoolingError as error:
            notes.append(f"{preset.title}: {name} was left out: {error}")
    baseline = "max" if preset.title != "Edges" else "mean 3/2"
    study = run(
        preset.data,
        "small",
        arms,
        seeds=seeds,
        budget=budget,
        out=out,
        baseline=baseline,
        baselines=False,
        store=store,
        name=preset.data,
        label=preset.title,
        report=False,
        progress=progress,
    )
    return study, notes
