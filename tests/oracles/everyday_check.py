"""The expected result of an everyday call: the reference, windows by hand, and one thread."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from everyday_arrays import laid
from everyday_calls import Call, layout_of
from everyday_parts import answers, array, by_hand, close, crop, dtype_of, single_windows, some_items

import anypool as ap
from anypool.arguments import plan_of


def pool(x: Any, call: Call, options: dict[str, Any], **more: Any) -> tuple[Any, ...]:
    """The answers of one call; with a gradient, that of x too."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if not call.gradient:
            return answers(ap.pool(x, call.windows, call.reduction, **options, **more))
        import torch

        x = x.detach().requires_grad_()
        found = answers(ap.pool(x, call.windows, call.reduction, **options, **more))
        if not found[0].requires_grad:
            return found
        g = (torch.arange(found[0].numel(), device="cpu") % 7 - 2).reshape(found[0].shape).to(found[0].dtype)
        (back,) = torch.autograd.grad(found[0], x, torch._neg_view(-g) if call.lazy_gradient else g)
        return (*found, back)


def on_device(call: Call, body: Callable[[], Any]) -> Any:
    """Where torch makes new tensors elsewhere and in another type, if the call says so."""
    if call.device is None:
        return body()
    import torch

    torch.set_default_device(call.device)
    torch.set_default_dtype(torch.float64)
    try:
        return body()
    finally:
        torch.set_default_device(None)
        torch.set_default_dtype(torch.float32)


def agree(got: Any, want: Any, call: Call, what: str, places: float = 1) -> None:
    """The same shape, type and numbers, but for what rounding may do."""
    assert (tuple(got.shape), dtype_of(got)) == (tuple(want.shape), dtype_of(want)), (
        f"{what}: {got.shape} {got.dtype} for {want.shape} {want.dtype}"
    )
    close(array(got), array(want), dtype_of(got), call, what, places)


def seen(call: Call) -> tuple[float, float]:
    """How many elements all windows see together, and each on average."""
    grid = plan_of(call.windows, tuple(call.plain.shape), call.plain_options.get("axes"))
    return float(grid.total_count), float(grid.total_count) / max(math.prod(grid.out_shape), 1)


def dear(call: Call, elements: float) -> float:
    """About how many elements the reference gathers, sorts or walks."""
    walks = not isinstance(call.reduction, str) and isinstance(call.reduction, ap.Order)
    walks |= isinstance(call.reduction, (str, tuple)) and any(n in str(call.reduction) for n in ("med", "mode"))
    taps = getattr(call.windows, "taps", None) is not None or getattr(call.windows, "real", False)
    factor = 3 if call.gradient else 1
    return factor * (elements * 3 if walks else elements if taps else 8 * math.prod(call.plain.shape))


def scaled(got: tuple[Any, ...], call: Call, random: np.random.Generator) -> None:
    """What weighs its elements by shares answers the same for weights times a power of two."""
    weights = call.options.get("weights")
    if not isinstance(getattr(call.windows, "border", ""), str):
        return  # a constant weighs 1
    shares = ("median", "mean", "Median", "Quantile", "TrimmedMean", "Range")
    if weights is None or "float" not in str(weights.dtype) or not repr(call.reduction).strip("'").startswith(shares):
        return
    options = {**call.options, "weights": weights * 2.0 ** int(random.choice([-40, -3, 1, 40]))}
    for a, b in zip(pool(call.x, call, options), got, strict=True):
        close(array(a), array(b), dtype_of(a), call, "scaled weights answer otherwise", 1)


def check(call: Call, cheap: float, say: Callable[[str], None]) -> str:
    """Raises AssertionError where an answer is wrong; says which way it was looked at."""
    random = np.random.default_rng(call.seed + 1)
    ap.set_num_threads(call.threads)
    say("the core")
    try:
        if call.first_plain:  # what a call remembers is no fact of another
            pool(call.plain, call, call.plain_options)
        got = on_device(call, lambda: pool(call.x, call, call.options))
    except ap.PoolingError as error:
        small = {k: v for k, v in call.plain_options.items()}
        try:
            pool(call.plain, call, small, backend="reference")
        except ap.PoolingError:
            return "refused"
        raise AssertionError(f"only the core refuses: {error}") from error
    elements, places = seen(call)
    say("scaled weights")
    scaled(got, call, random)
    if call.threads > 1:
        say("one thread")
        ap.set_num_threads(1)
        for a, b in zip(pool(call.x, call, call.options) if call.device is None else got, got, strict=True):
            np.testing.assert_array_equal(array(a), array(b), "one thread differs from several")
        ap.set_num_threads(call.threads)
    if isinstance(got[0], np.ndarray) and len(got) == 1 and random.random() < 0.3:
        say("out=")
        out = (
            laid(np.zeros_like(got[0]), layout_of(random, ()), random, bool(random.random() < 0.5))
            if got[0].ndim
            else None
        )
        if out is not None and 0 not in out.strides:
            ap.pool(call.x, call.windows, call.reduction, **call.options, out=out)
            np.testing.assert_array_equal(out, got[0], "out= differs")
    if any(name in str(call.reduction) for name in ("prod",)) and places > 64:
        return "not compared"  # it over- and underflows as the order has it
    cost = dear(call, elements)
    if cost <= cheap:
        say("the reference")
        want = pool(call.plain, call, call.plain_options, backend="reference")
        for a, b in zip(got, want, strict=True):
            agree(a, b, call, "the reference differs", places)
        return "reference"
    ways = []
    if by_hand(got[0], call, random):
        ways.append("by hand")
    say("a crop")
    if crop(got, call, cheap, random):
        ways.append("a crop")
    say("single windows")
    if single_windows(got, call, cheap, random):
        ways.append("single windows")
    item, share = some_items(call, random), 0.0
    if item is not None and len(got) == 1 and got[0].ndim == call.plain.ndim:
        share = (
            cost
            * math.prod(
                n if isinstance(s, slice) and s == slice(None) else 1
                for s, n in zip(item, call.plain.shape, strict=True)
            )
            / math.prod(call.plain.shape)
        )
    if not ways and item is not None and 0 < share <= 4 * cheap:
        say("items")
        options = {k: v[item] if k == "weights" else v for k, v in call.plain_options.items()}
        want = pool(call.plain[item], call, options, backend="reference")
        agree(got[0][item], want[0], call, f"item {item} differs from the reference", places)
        ways.append("items")
    return " and ".join(ways) or "not compared"
