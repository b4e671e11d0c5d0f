"""torch's fractional max pooling: random windows for each plane, from one uniform number per axis;
with layers."""

# torch's stubs do not know what TorchScript reads
# pyright: reportPrivateImportUsage=false, reportCallIssue=false, reportArgumentType=false
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as T
from torch import Tensor, nn

from ..api import library_of, pool
from ..errors import PoolingError
from ..scalars import entries, integer, is_number
from ..torch.recorders import recorder, refuse
from ..windows import sliding
from .scripted import scriptable, twin


def _fractional_max(
    rank: int,
    x: Any,
    kernel_size: Any,
    output_size: Any,
    output_ratio: Any,
    samples: Any,
) -> tuple[Any, Any]:
    """The maxima and their flat positions in the plane."""
    name = f"fractional_max_pool{rank}d"
    _check(x, rank, name)
    kernel = tuple(integer(k, "kernel_size") for k in entries(kernel_size, rank, "kernel_size"))
    lengths = tuple(x.shape[-rank:])
    if output_size is None and output_ratio is None:
        raise PoolingError(f"{name} needs output_size or output_ratio")
    if output_size is None:
        ratios = entries(output_ratio, rank, "output_ratio")
        if not all(is_number(r) and 0 < r < 1 for r in ratios):
            raise PoolingError(f"output_ratio={output_ratio!r}: use numbers between 0 and 1")
        sizes = tuple(int(n * r) for n, r in zip(lengths, ratios, strict=True))
    else:
        sizes = tuple(integer(n, "output_size") for n in entries(output_size, rank, "output_size"))
    for n, k, out in zip(lengths, kernel, sizes, strict=True):
        if k < 1 or out < 1 or out + k - 1 > n:
            raise PoolingError(
                f"{name}: {out} windows of {k} on an axis of length {n}: give sizes of at least 1 and "
                f"output size + kernel size − 1 ≤ {n}"
            )
    batch = x if x.ndim == rank + 2 else x[None]
    samples = _drawn(batch, rank, samples, name)
    order = (1, 0) if rank == 2 else (0, 1, 2)  # torch's samples are ordered (width, height), but (time, height, width)
    with torch.no_grad():
        starts = [
            _starts(samples[..., which], n, out, k)
            for which, n, out, k in zip(order, lengths, sizes, kernel, strict=True)
        ]
        place = _places(batch, starts, kernel)
    y = batch.flatten(2).gather(2, place)
    shape = (*x.shape[:-rank], *sizes)
    return y.reshape(shape), place.reshape(shape)


def _starts(u: Any, n: int, out: int, kernel: int) -> Any:
    """(N, C, out): torch's formula in torch's arithmetic, in the type of the samples."""
    o = torch.arange(out, dtype=torch.int64, device=u.device)
    if out > 1:
        alpha = torch.tensor(n - kernel, dtype=u.dtype, device=u.device) / (out - 1)
        begin = ((o.to(u.dtype) + u[..., None]) * alpha).long() - (u * alpha).long()[..., None]
    else:
        begin = torch.zeros((*u.shape, out), dtype=torch.int64, device=u.device)
    return torch.where(o == out - 1, n - kernel, begin.clamp(0, n - kernel))


def _places(batch: Any, starts: list[Any], kernel: tuple[int, ...]) -> Any:
    """(N, C, windows): the flat position of the first maximum of each window, or of its last
    NaN.
    """
    every = pool(batch.detach(), sliding(kernel, 1), "argmax")  # windows at every position: all planes share them
    corner: Any = 0
    for k, (begin, n) in enumerate(zip(starts, every.shape[2:], strict=True)):
        along = [1] * len(starts)
        along[k] = begin.shape[-1]
        corner = corner * n + begin.reshape(*begin.shape[:2], *along)
    return every.flatten(2).gather(2, corner.flatten(2))


def _drawn(batch: Any, rank: int, samples: Any, name: str) -> Any:
    shape = (*batch.shape[:2], rank)
    if samples is None:
        return torch.rand(shape, dtype=batch.dtype, device=batch.device)
    if not isinstance(samples, torch.Tensor) or tuple(samples.shape) != shape or samples.dtype != batch.dtype:
        actual = (
            f"{tuple(samples.shape)} {samples.dtype}" if isinstance(samples, torch.Tensor) else type(samples).__name__
        )
        raise PoolingError(f"{name}: _random_samples must be a {batch.dtype} tensor of shape {shape}, not {actual}")
    if not torch.compiler.is_compiling() and not bool(samples.isfinite().all()):
        raise PoolingError(f"{name}: _random_samples hold a NaN or an infinity: use numbers from 0 to 1")
    return samples.detach()


def _check(x: Any, rank: int, name: str) -> None:
    if not isinstance(x, torch.Tensor) or not x.is_floating_point():
        kind = x.dtype if isinstance(x, torch.Tensor) else type(x).__name__
        raise PoolingError(f"{name} takes a torch tensor of floats, not {kind}; see anypool.fractional for any array")
    if not torch.compiler.is_compiling():
        library_of(x).array(x)  # checks the element type and the layout
    if x.ndim not in (rank + 1, rank + 2):
        raise PoolingError(
            f"{name} takes {rank + 1} axes (one sample) or {rank + 2} (a batch), not shape {tuple(x.shape)}"
        )


def _function(rank: int, indices: bool) -> Callable[..., Any]:
    name = f"fractional_max_pool{rank}d{'_with_indices' if indices else ''}"
    theirs = twin(name)

    def fractional_max_pool(
        input: Any,
        kernel_size: Any,
        output_size: Any = None,
        output_ratio: Any = None,
        return_indices: bool = False,
        _random_samples: Any = None,
    ) -> Any:
        if (tool := recorder(input)) is not None:
            refuse(f"{name}, for which ONNX has no operator,", tool if "onnx" in tool else None)
            how = (kernel_size, output_size, output_ratio, indices or return_indices)
            return theirs(input, *how, _random_samples=_random_samples)
        y, place = _fractional_max(rank, input, kernel_size, output_size, output_ratio, _random_samples)
        return (y, place) if indices or return_indices else y

    fractional_max_pool.__name__ = fractional_max_pool.__qualname__ = name
    fractional_max_pool.__doc__ = (
        "The greatest element of windows of kernel_size at random places, drawn for every image and channel."
        f"\n\nShapes, arguments, defaults and the draw as torch.nn.functional.{name}. Raises PoolingError."
    )
    scriptable(fractional_max_pool)
    return fractional_max_pool


fractional_max_pool2d, fractional_max_pool3d = (_function(r, False) for r in (2, 3))
fractional_max_pool2d_with_indices, fractional_max_pool3d_with_indices = (_function(r, True) for r in (2, 3))


class FractionalMaxPool2d(nn.FractionalMaxPool2d):
    """torch.nn.FractionalMaxPool2d by anypool: equal arguments, shapes, samples and numbers."""

    def forward(self, input: Tensor):
        """The largest element of each window, and its position with return_indices."""
        if torch.jit.is_scripting():
            return T.fractional_max_pool2d(
                input,
                self.kernel_size,
                self.output_size,
                self.output_ratio,
                self.return_indices,
                _random_samples=self._random_samples,
            )
        else:
            return fractional_max_pool2d(
                input,
                self.kernel_size,
                self.output_size,
                self.output_ratio,
                self.return_indices,
                _random_samples=self._random_samples,
            )


class FractionalMaxPool3d(nn.FractionalMaxPool3d):
    """torch.nn.FractionalMaxPool3d by anypool: equal arguments, shapes, samples and numbers."""

    def forward(self, input: Tensor):
        """The largest element of each window, and its position with return_indices."""
        if torch.jit.is_scripting():
            return T.fractional_max_pool3d(
                input,
                self.kernel_size,
                self.output_size,
                self.output_ratio,
                self.return_indices,
                _random_samples=self._random_samples,
            )
        else:
            return fractional_max_pool3d(
                input,
                self.kernel_size,
                self.output_size,
                self.output_ratio,
                self.return_indices,
                _random_samples=self._random_samples,
            )
