"""The models of a study: three small networks with pooling layers, or a function of the user."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from ..errors import PoolingError
from .data import Data, function_of

HEADS: dict[str, tuple[int, Any]] = {
    "grid": (2, nn.AdaptiveAvgPool2d),
    "mean": (1, nn.AdaptiveAvgPool2d),
    "max": (1, nn.AdaptiveMaxPool2d),
    "fine": (4, nn.AdaptiveAvgPool2d),
}


def small(channels: int, classes: int, width: int = 16, head: str = "grid", window: int = 2) -> nn.Module:
    """Twice a 3×3 convolution, ReLU and pooling, then a head: the default network."""
    if head not in HEADS:
        raise PoolingError(f"head {head!r}: use one of {', '.join(HEADS)}")
    bins, pool = HEADS[head]
    net = nn.Sequential()
    for i, (before, after) in enumerate(((channels, width), (width, 2 * width)), 1):
        net.add_module(f"conv{i}", nn.Conv2d(before, after, 3, padding=1))
        net.add_module(f"relu{i}", nn.ReLU())
        net.add_module(f"pool{i}", nn.MaxPool2d(window, 2, (window - 1) // 2))
    net.add_module("head", pool(bins))
    net.add_module("flat", nn.Flatten())
    net.add_module("out", nn.Linear(2 * width * bins * bins, classes))
    return net


def allconv(channels: int, classes: int, width: int = 16) -> nn.Module:
    """A network without pooling; its sites are two convolutions of stride 2 (Springenberg et al.
    2015).
    """
    return nn.Sequential(
        nn.Conv2d(channels, width, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(width, width, 3, stride=2, padding=1),
        nn.ReLU(),
        nn.Conv2d(width, 2 * width, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(2 * width, 2 * width, 3, stride=2, padding=1),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(2),
        nn.Flatten(),
        nn.Linear(8 * width, classes),
    )


def encoder(channels: int, classes: int, width: int = 12) -> nn.Module:
    """Three stages of convolution, batch normalisation, ReLU and pooling."""
    net = nn.Sequential()
    for i, (before, after) in enumerate(((channels, width), (width, 2 * width), (2 * width, 4 * width)), 1):
        net.add_module(f"conv{i}", nn.Conv2d(before, after, 3, padding=1, bias=False))
        net.add_module(f"norm{i}", nn.BatchNorm2d(after))
        net.add_module(f"relu{i}", nn.ReLU())
        net.add_module(f"pool{i}", nn.MaxPool2d(2))
    net.add_module("head", nn.AdaptiveAvgPool2d(1))
    net.add_module("flat", nn.Flatten())
    net.add_module("out", nn.Linear(4 * width, classes))
    return net


NAMED: dict[str, Callable[..., nn.Module]] = {"small": small, "allconv": allconv, "encoder": encoder}


def build(model: str, data: Data, seed: int) -> nn.Module:
    """The model of a name such as "small" or "small?width=24&head=mean", or of "module:function".

    The seed defines the weights.

    >>> from anypool.study.data import load
    >>> build("small?width=4", load("digits"), 0).conv1.out_channels
    4
    """
    torch.manual_seed(seed)
    name, _, query = model.partition("?")
    options: dict[str, Any] = {}
    for part in filter(None, query.split("&")):
        key, _, value = part.partition("=")
        options[key] = int(value) if value.lstrip("-").isdigit() else value
    make = NAMED.get(name) or (function_of(name) if ":" in name else None)
    if make is None:
        raise PoolingError(f"model {model!r}: use {', '.join(NAMED)} or module:function")
    known = {"channels": data.channels, "classes": len(data.classes), "shape": tuple(data.x.shape[1:])}
    try:
        accepted = inspect.signature(make).parameters
        net = make(**{k: v for k, v in known.items() if k in accepted}, **options)
    except PoolingError:
        raise
    except Exception as error:
        raise PoolingError(f"model {model!r} cannot be built: {error}") from None
    if not isinstance(net, nn.Module):
        raise PoolingError(f"model {model!r} returned {type(net).__name__}, not a torch module")
    return net


def check(net: nn.Module, data: Data) -> None:
    """Raise PoolingError if the model does not fit the data."""
    x = torch.from_numpy(data.x[:2])
    try:
        with torch.no_grad():
            y = net(x)
    except Exception as error:
        message = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise PoolingError(f"the model does not accept images of shape {tuple(x.shape[1:])}: {message}") from None
    if not isinstance(y, torch.Tensor) or tuple(y.shape) != (2, len(data.classes)):
        shape = tuple(y.shape) if isinstance(y, torch.Tensor) else type(y).__name__
        raise PoolingError(
            f"the model returns {shape} for 2 images; {len(data.classes)} classes need (2, {len(data.classes)})"
        )
