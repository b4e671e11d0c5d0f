"""Measurements of a trained network besides its accuracy: cost, memory, shifts, noise."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import nn

from ..nn.pooling_layers import evaluating
from ..nn.receptive_field import receptive_field

SIGMA, SALT = 0.5, 0.1


def predictions(net: nn.Module, x: torch.Tensor) -> torch.Tensor:
    """The class of each image, in batches."""
    with torch.no_grad(), evaluating(net):
        return torch.cat([net(part).argmax(1) for part in x.split(256)])


def cost(net: nn.Module, x: torch.Tensor, y: torch.Tensor) -> dict[str, float]:
    """Parameters; FLOPs and saved bytes of one image; milliseconds of this batch, forward and in
    training.
    """
    table = receptive_field(net, (1, *x.shape[1:]))
    with evaluating(net), torch.no_grad():
        forward = shortest(lambda: net(x))
    loss = nn.functional.cross_entropy

    def step() -> None:
        net.zero_grad()
        loss(net(x), y).backward()

    return {
        "parameters": table.parameters,
        "flops": table.flops,
        "memory_bytes": saved_bytes(net, x, y) // len(x),
        "forward_ms": forward * 1e3,
        "train_ms": shortest(step) * 1e3,
    }


def shortest(call: Callable[[], Any], times: int = 4) -> float:
    """The shortest of several times; the first call is not counted."""
    call()
    best = float("inf")
    for _ in range(times):
        begin = time.perf_counter()
        call()
        best = min(best, time.perf_counter() - begin)
    return best


def saved_bytes(net: nn.Module, x: torch.Tensor, y: torch.Tensor) -> int:
    """The bytes of activations that autograd saves; a storage counts once, parameters do not
    count.
    """
    own = {p.data_ptr() for p in net.parameters()}
    saved: dict[int, int] = {}

    def note(t: torch.Tensor) -> torch.Tensor:
        storage = t.untyped_storage()
        if storage.data_ptr() not in own:
            saved[storage.data_ptr()] = storage.nbytes()
        return t

    with torch.autograd.graph.saved_tensors_hooks(note, lambda t: t):
        loss = nn.functional.cross_entropy(net(x), y)
    del loss
    return sum(saved.values())


def shift_consistency(net: nn.Module, x: torch.Tensor) -> float:
    """The fraction of images that keep their class under a shift by one pixel in each direction."""
    from itertools import product

    base = predictions(net, x)
    rank = x.ndim - 2
    same: list[float] = []
    for move in product((-1, 0, 1), repeat=rank):
        if any(move):
            same.append(float((predictions(net, moved(x, move)) == base).float().mean()))
    return float(np.mean(same))


def moved(x: torch.Tensor, move: tuple[int, ...]) -> torch.Tensor:
    """x shifted along its last axes; the smallest value of x enters at the edge.

    >>> moved(torch.tensor([[[1.0, 2.0, 0.0]]]), (1,))
    tensor([[[0., 1., 2.]]])
    """
    y = x
    for at, by in enumerate(move, 2):
        if by:
            y = torch.roll(y, by, at)
            y.narrow(at, 0 if by > 0 else y.shape[at] - abs(by), abs(by)).fill_(float(x.min()))
    return y


def noisy(x: torch.Tensor, kind: str, seed: int) -> torch.Tensor:
    """x with Gaussian noise of half the data's standard deviation, or a tenth of its pixels black
    or white.
    """
    random = torch.Generator().manual_seed(seed)
    if kind == "gaussian":
        return x + SIGMA * float(x.std()) * torch.randn(x.shape, generator=random, dtype=x.dtype, device=x.device)
    hit = torch.rand(x.shape, generator=random, dtype=x.dtype, device=x.device)
    return torch.where(hit < SALT / 2, x.min(), torch.where(hit > 1 - SALT / 2, x.max(), x))
