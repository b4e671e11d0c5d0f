"""Masks, weights, log_weights and footprints against the same calls without them: the cases."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import anypool as ap

from .cases import TABLE, Case, Where
from .weighted_calls import HowMuch, ball, calls, plain_call
from .weighted_rivals import by_hand, masked_numpy, rank_median, scipy_footprint, softmax_by_hand
from .weighted_truth import truth_of

FOLDS = {
    **dict.fromkeys(("max", "min", "sum"), 2.0),
    **dict.fromkeys(("mean", "argmax", "median"), 2.5),
    **dict.fromkeys(("var", "std", "rms", "logsumexp", "softpool"), 1.6),
}
MEANS = ("mean", "std", "softpool")
TOKENS, HEADS, LIP, VOLUME = (32, 128, 768), (64, 256, 12, 32), (16, 64, 56, 56), (160, 160, 160)
DISKS = {5: 3.0, 7: 4.0, 21: 12.0}


def weighted() -> Iterator[Case]:
    """All of them; a target "plain" limits the time over that of the call without weights."""
    yield from planes()
    yield from gradients()
    yield from large()
    yield from logits()
    yield from footprints()


def planes() -> Iterator[Case]:
    """Masks, omitted NaN and real weights on the planes of the table."""
    for where in (_sliding(3, 1), _sliding(2, 2)):
        for kind in ("mask", "omit", "weights"):
            folds: dict[Any, float] = {**FOLDS, ap.PowerMean(3): 1.6}
            for fold, most in (dict.fromkeys(MEANS, 2.5) if kind == "weights" else folds).items():
                how, word = HowMuch(kind, TABLE), 'nan="omit"' if kind == "omit" else kind
                yield weighted_case(f"{word} {_word(fold)} {_size(where)}", TABLE, where, fold, how, {"plain": most})


def gradients() -> Iterator[Case]:
    """The gradient of x under a mask; those of x and of real weights together."""
    for where in (_sliding(3, 1), _sliding(2, 2)):
        for kind, folds in (("mask", ("max", *MEANS)), ("weights", MEANS)):
            how = HowMuch(kind, TABLE, learns=kind == "weights")
            for fold in folds:
                loose = 1e-3 if fold == "std" else None  # two close elements: their difference is rounded
                name = f"gradient {'x, weights' if how.learns else 'mask'} {fold} {_size(where)}"
                more: dict[str, Any] = {"direction": "backward", "library": "torch", "patience": 0.5, "loose": loose}
                yield weighted_case(name, TABLE, where, fold, how, {"plain": 2.5}, **more)


def large() -> Iterator[Case]:
    """Masked whole axes; a large window without a border."""
    how = HowMuch("sentences", (*TOKENS[:2], 1))
    for fold in ("mean", "max", "std", ("mean", "std")):
        targets = {"read": 1.3, "torch composed": 1.0}
        name = f"mask (B, T, 1) {_word(fold)} over T"
        yield weighted_case(name, TOKENS, _whole(1), fold, how, targets, {"torch composed": by_hand}, library="torch")
    how = HowMuch("mask", VOLUME)
    for fold in ("std", "median"):
        name, where = f"mask {fold} of 160³", _whole(0, 1, 2)
        yield weighted_case(name, VOLUME, where, fold, how, {"numpy": 1.0}, {"numpy": masked_numpy})
    how = HowMuch(against=ap.sliding((31, 31), 1, 15, border="replicate"))
    where, targets = _sliding(31, 1, image=True), {"plain": 1.3}
    yield weighted_case("uint8 median 31×31 ÷ replicate", (1024, 1024), where, "median", how, targets, dtype="uint8")


def logits() -> Iterator[Case]:
    """log_weights: the weights of attention over T, and of LIP."""
    rivals = {"torch composed": softmax_by_hand}
    how, where = HowMuch("logits", (*HEADS[:3], 1)), _whole(1)
    targets = {"copy": 2.0, "torch composed": 5.0}
    yield weighted_case("log_weights mean over T", HEADS, where, "mean", how, targets, rivals, library="torch")
    how = HowMuch("logits", (*HEADS[:3], 1), learns=True)
    more: dict[str, Any] = {"direction": "forward+backward", "library": "torch"}
    name = "log_weights mean over T, training"
    yield weighted_case(name, HEADS, where, "mean", how, {"torch composed": 3.0}, rivals, **more)
    how, targets = HowMuch("logits", LIP), {"copy": 4.0, "torch composed": 10.0}
    yield weighted_case(
        "log_weights mean 3×3/1 (LIP)", LIP, _sliding(3, 1), "mean", how, targets, rivals, library="torch"
    )
    how, more = HowMuch("logits", LIP, learns=True), {"direction": "backward", "library": "torch", "patience": 0.5}
    yield weighted_case("gradient x, log_weights mean 3×3/1", LIP, _sliding(3, 1), "mean", how, {"plain": 2.5}, **more)


def footprints() -> Iterator[Case]:
    """Disks and a ball against full windows of the same size, SciPy and scikit-image."""
    for size, rank, most in (*((size, 2, most) for size, most in DISKS.items()), (5, 3, 4.0)):
        shape, footprint = ((2048, 2048), "disk {0}×{0}") if rank == 2 else (VOLUME, "ball {0}³")
        word, full = footprint.format(size), _sliding(size, 1, rank, image=True)
        made = ap.sliding(full.size, 1, full.padding, footprint=ball(size, rank))
        where = Where("sliding", full.size, 1, full.padding, axes=full.axes, made=made)
        how = HowMuch(footprint=(size, rank), against=full.made)
        for fold in ("max", "min", "mean", "sum"):
            targets = {"plain": most, "scipy": 10.0}
            yield weighted_case(f"{word} {fold}", shape, where, fold, how, targets, {"scipy": scipy_footprint})
        targets = {"plain": 1.5} if word == "disk 5×5" else {}
        yield weighted_case(f"{word} median", shape, where, "median", how, targets)
        if rank == 2:
            targets, rivals = {**targets, "scikit-image": 1.0}, {"scikit-image": rank_median}
            yield weighted_case(f"uint8 {word} median", shape, where, "median", how, targets, rivals, dtype="uint8")


def weighted_case(
    name: str,
    shape: tuple[int, ...],
    where: Where,
    fold: Any,
    how: HowMuch,
    targets: dict[str, float],
    rivals: dict[str, Any] | None = None,
    library: str = "numpy",
    patience: float = 0.25,
    **more: Any,
) -> Case:
    """A case whose calls, truth and rivals know how much each element weighs."""
    makers = {"plain": plain_call, **(rivals or {})}
    return Case(
        name,
        "weighted",
        shape,
        where,
        fold,
        library=library,
        targets=targets,
        ours=lambda case, x: calls(case, x, how),
        truth=lambda x: truth_of(x, where, fold, how, more.get("direction", "forward")),
        rivals={k: lambda case, x, threads, make=make: make(case, x, how) for k, make in makers.items()},
        patience=patience,
        **more,
    )


def _sliding(size: int, stride: int, rank: int = 2, image: bool = False) -> Where:
    """Windows on the last axes, or on all axes of an image or a volume."""
    padding = size // 2 if size % 2 else 0
    axes = tuple(range(rank)) if image else tuple(range(4 - rank, 4))
    made = ap.sliding((size,) * rank, stride, padding)
    return Where("sliding", (size,) * rank, stride, padding, axes=axes, made=made)


def _whole(*axes: int) -> Where:
    return Where("whole", axes=axes, made=ap.whole())


def _word(fold: Any) -> str:
    if isinstance(fold, ap.PowerMean):
        return "PowerMean(3)"
    return fold if isinstance(fold, str) else "+".join(fold)


def _size(where: Where) -> str:
    return "×".join(map(str, where.size)) + f"/{where.stride}"
