"""One case: the gate first, then everyone's time in turns, then the row that is kept."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch

from anypool.errors import PoolingError
from anypool.timing import fastest, load

from .cases import Case
from .data import numpy_of, plain, tensor_of
from .memory import peak_of
from .ours import Call, calls_of, watched
from .rivals import rivals_of
from .truth import expected

LOOSE = {"float32": 2e-5, "bfloat16": 1e-2, "uint8": 1e-6, "uint16": 1e-6, "uint32": 1e-6}


Clock = Callable[[], float]
Gated = tuple[dict[str, dict[str, Call]], dict[str, str], dict[str, float]]  # rivals, why not, seconds of a first call


class WrongResult(PoolingError):
    """The gate is red: no time is worth telling."""


@dataclass
class Row:
    """What is kept of a case; times in milliseconds, ratios as the report shows them."""

    case: str
    group: str
    shape: tuple[int, ...]
    windows: str
    reduction: str
    dtype: str
    layout: str
    direction: str
    backend: str
    bytes: int
    copy_ms: float
    copy_new_ms: float
    read_ms: float
    load: float
    extra_bytes: int
    ours_ms: dict[str, float]
    rivals_ms: dict[str, dict[str, float]]
    rivals_not: dict[str, str]
    targets: dict[str, float]
    reached: dict[str, float]


def measure(case: Case, threads: int, rounds: int = 15, patience: float = 1.0, clock: Clock = time.perf_counter) -> Row:
    """Gate, then time; raises WrongResult where a value differs."""
    x = tensor_of(case)
    with watched() as seen:
        ours = calls_of(case, x)
        begin = time.perf_counter()
        result, peak = peak_of(ours[f"{case.library} new"])
        results = {f"{case.library} new": result}
        known = {f"ours {case.library} new": time.perf_counter() - begin}
    backend = "+".join(sorted(set(seen))) and f"reference {'+'.join(sorted(set(seen)))}"
    if seen:
        ours = {name: call for name, call in ours.items() if name in results}
    results.update({name: call() for name, call in ours.items() if name not in results})
    rivals, refused, slow = gate(case, x, results, threads)
    moved = _bytes(case, x, results[f"{case.library} new"])
    calls: dict[str, Call] = {f"ours {name}": call for name, call in ours.items()}
    calls.update(_limits(moved, case))
    for rival, modes in rivals.items():
        calls.update({f"{rival} {mode}": call for mode, call in modes.items()})
    best = {name: seconds * 1e3 for name, seconds in fastest(calls, rounds, patience, {**known, **slow}, clock).items()}
    row = Row(
        case.name,
        case.group,
        case.shape,
        str(case.where),
        str(case.reduction),
        case.dtype,
        case.layout,
        case.direction,
        backend or "cpu",
        moved,
        min(best.get("copy", 0.0), best.get("copy alone", 0.0)),
        best.get("copy new", 0.0),
        best.get("read", 0.0),
        load(),
        max(peak - _held(case, x, result), 0),
        {name: best[f"ours {name}"] for name in ours},
        {r: {m: best[f"{r} {m}"] for m in modes} for r, modes in rivals.items()},
        refused,
        case.targets,
        {},
    )
    row.reached = reached(row)
    return row


def gate(case: Case, x: Any, results: dict[str, Any], threads: int) -> Gated:
    """Our results against plain NumPy, our gradients against torch's, and the rivals' results
    against ours."""
    loose = case.loose or LOOSE[case.dtype]
    first = plain(_one(results[f"{case.library} new"]))
    if case.direction == "forward" or case.truth is not None:
        at, want = expected(case, plain(x) if case.dtype == "bfloat16" else numpy_of(x))
        for name, result in results.items():
            for one, values in zip(_all(result), _all(want), strict=False):
                got = np.asarray(plain(one)[at], np.float64)
                _same(f"{case.name}: anypool ({name})", got, values.reshape(got.shape), loose)
    said = rivals_of(case, x, threads)
    refused = {name: rival for name, rival in said.items() if isinstance(rival, str)}
    tried = {name: rival for name, rival in said.items() if not isinstance(rival, str)}
    for name, (_, theirs, _) in tried.items():
        if name == "plain":  # another call, another result
            continue
        _same(f"{case.name}: {name} and anypool", first, plain(_one(theirs)).reshape(first.shape), loose)
    rivals = {name: calls for name, (calls, _, _) in tried.items()}
    slow = {f"{name} {next(iter(calls))}": seconds for name, (calls, _, seconds) in tried.items()}
    if case.direction != "forward" and case.truth is None and "torch" not in rivals:
        raise WrongResult(f"{case.name}: no torch to hold the gradient against ({refused.get('torch')})")
    return rivals, refused, slow


def reached(row: Row) -> dict[str, float]:
    """The ratios in the report: to a copy and to a read (small is good), to a rival (large is
    good).

    The ratio to a copy is for existing memory where the call has `out=`; else both allocate memory.
    A rival that writes to its own memory is compared with our `out=`, another with our new array.
    """
    out = min((ms for name, ms in row.ours_ms.items() if name.endswith("out")), default=0.0)
    new = row.ours_ms.get("torch new") or row.ours_ms["numpy new"]
    found: dict[str, float] = {}
    if row.copy_ms:
        found["copy"] = out / row.copy_ms if out else new / row.copy_new_ms
        found["copy new"] = new / row.copy_new_ms
    if row.read_ms:
        found["read"] = (out or new) / row.read_ms
    for name, modes in row.rivals_ms.items():
        if name == "plain":
            found[name] = new / modes["new"]
            continue
        found[name] = modes["out"] / (out or new) if "out" in modes else modes["new"] / new
    if row.group == "small":
        found["us"] = new * 1e3
    return found


def as_json(row: Row) -> dict[str, Any]:
    """The row as plain values, times to four digits."""
    return {key: _short(value) for key, value in asdict(row).items()}


def _short(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.4g}")
    return {k: _short(v) for k, v in value.items()} if isinstance(value, dict) else value


def _held(case: Case, x: Any, result: Any) -> int:
    """The bytes of the result of the call; a training step also has the gradient of its leaf."""
    results: Any = result if isinstance(result, tuple) else (result,)
    given = sum(int(y.numel() * y.element_size()) if torch.is_tensor(y) else int(y.nbytes) for y in results)
    if case.direction != "forward+backward":
        return given
    return given + int(np.prod(case.windows.output_shape(case.shape, case.axes))) * int(x.element_size())


def _one(result: Any) -> Any:
    return _all(result)[0]


def _all(result: Any) -> Any:
    return result if isinstance(result, (tuple, list)) else (result,)


def _same(what: str, got: Any, want: Any, loose: float) -> None:
    close = np.isclose(got, want, rtol=loose, atol=loose, equal_nan=True)
    if not close.all():
        where = tuple(int(i) for i in np.argwhere(~close)[0])
        raise WrongResult(f"{what} disagree at {where}: {got[where]} and {want[where]}")


def _bytes(case: Case, x: Any, result: Any) -> int:
    """The bytes that must be read and written: input and output; for a gradient, also 1 byte per
    position."""
    given = int(x.numel() * x.element_size())
    if case.direction == "forward":
        return given + _held(case, x, result)
    outputs = int(np.prod(case.windows.output_shape(case.shape, case.axes)))
    places = outputs if case.reduction == "max" else 0
    once = given + outputs * x.element_size() + places
    return once if case.direction == "backward" else 2 * once


def _limits(moved: int, case: Case) -> dict[str, Call]:
    """A copy of as many bytes, to existing and to new memory; for global pooling, a read."""
    if case.group == "small" or (case.group == "weighted" and not {"copy", "read"} & case.targets.keys()):
        return {}
    source = torch.ones(moved // 2, dtype=torch.uint8)
    target = torch.zeros(moved // 2, dtype=torch.uint8)
    alone, there = source.numpy(), target.numpy()
    calls: dict[str, Callable[[], Any]] = {
        "copy": lambda: target.copy_(source),
        "copy alone": lambda: np.copyto(there, alone),  # on a busy machine one thread can be faster than all
        "copy new": source.clone,
    }
    if case.where.kind == "whole" and "copy" not in case.targets:
        words = torch.ones(moved // 8, dtype=torch.int64)
        calls["read"] = words.sum
    return calls
