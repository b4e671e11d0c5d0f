"""Subclasses of torch's pooling layers with another `forward`; torch.jit.script reads torch's
function.
"""

# the stubs of torch lack the types of TorchScript
# pyright: reportPrivateImportUsage=false, reportCallIssue=false, reportArgumentType=false
from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as T
from torch import Tensor, nn

from ..errors import PoolingError
from . import functional as F
from . import scripted as S


class _Adaptive(nn.Module):
    """A layer whose output_size may contain None, which torch.jit.script does not accept."""

    def __prepare_scriptable__(self) -> nn.Module:
        size: Any = self.output_size
        if size is None or (isinstance(size, (tuple, list)) and None in size):
            raise PoolingError(
                f"torch.jit.script of output_size={size!r}: it accepts no None, in torch's own layer either; give "
                "integers, or torch.export.export(model, args), which works"
            )
        return self


class MaxPool1d(nn.MaxPool1d):
    """torch.nn.MaxPool1d on kernels of anypool: same arguments, shapes and numbers."""

    def forward(self, input: Tensor):
        """The greatest element of each window, and with return_indices its flat index."""
        if torch.jit.is_scripting():
            return T.max_pool1d(
                input, self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode, self.return_indices
            )
        else:
            return F.max_pool1d(
                input, self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode, self.return_indices
            )


class MaxPool2d(nn.MaxPool2d):
    """torch.nn.MaxPool2d on kernels of anypool: same arguments, shapes and numbers."""

    def forward(self, input: Tensor):
        """The greatest element of each window, and with return_indices its flat index."""
        if torch.jit.is_scripting():
            return T.max_pool2d(
                input, self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode, self.return_indices
            )
        else:
            return F.max_pool2d(
                input, self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode, self.return_indices
            )


class MaxPool3d(nn.MaxPool3d):
    """torch.nn.MaxPool3d on kernels of anypool: same arguments, shapes and numbers."""

    def forward(self, input: Tensor):
        """The greatest element of each window, and with return_indices its flat index."""
        if torch.jit.is_scripting():
            return T.max_pool3d(
                input, self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode, self.return_indices
            )
        else:
            return F.max_pool3d(
                input, self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode, self.return_indices
            )


class AvgPool1d(nn.AvgPool1d):
    """torch.nn.AvgPool1d on kernels of anypool: same arguments, shapes and numbers."""

    def forward(self, input: Tensor) -> Tensor:
        """The mean of each window."""
        if torch.jit.is_scripting():
            return S.avg_pool1d(
                input, self.kernel_size, self.stride, self.padding, self.ceil_mode, self.count_include_pad
            )
        else:
            return F.avg_pool1d(
                input, self.kernel_size, self.stride, self.padding, self.ceil_mode, self.count_include_pad
            )


class AvgPool2d(nn.AvgPool2d):
    """torch.nn.AvgPool2d on kernels of anypool: same arguments, shapes and numbers."""

    def forward(self, input: Tensor) -> Tensor:
        """The mean of each window."""
        if torch.jit.is_scripting():
            return S.avg_pool2d(
                input,
                self.kernel_size,
                self.stride,
                self.padding,
                self.ceil_mode,
                self.count_include_pad,
                self.divisor_override,
            )
        else:
            return F.avg_pool2d(
                input,
                self.kernel_size,
                self.stride,
                self.padding,
                self.ceil_mode,
                self.count_include_pad,
                self.divisor_override,
            )


class AvgPool3d(nn.AvgPool3d):
    """torch.nn.AvgPool3d on kernels of anypool: same arguments, shapes and numbers."""

    def forward(self, input: Tensor) -> Tensor:
        """The mean of each window."""
        if torch.jit.is_scripting():
            return S.avg_pool3d(
                input,
                self.kernel_size,
                self.stride,
                self.padding,
                self.ceil_mode,
                self.count_include_pad,
                self.divisor_override,
            )
        else:
            return F.avg_pool3d(
                input,
                self.kernel_size,
                self.stride,
                self.padding,
                self.ceil_mode,
                self.count_include_pad,
                self.divisor_override,
            )


class LPPool1d(nn.LPPool1d):
    """torch.nn.LPPool1d on kernels of anypool: same arguments and shapes, but a norm for odd p
    too.
    """

    def forward(self, input: Tensor) -> Tensor:
        """The p-norm of each window."""
        if torch.jit.is_scripting():
            return S.lp_pool1d(input, float(self.norm_type), self.kernel_size, self.stride, self.ceil_mode)
        else:
            return F.lp_pool1d(input, float(self.norm_type), self.kernel_size, self.stride, self.ceil_mode)


class LPPool2d(nn.LPPool2d):
    """torch.nn.LPPool2d on kernels of anypool: same arguments and shapes, but a norm for odd p
    too.
    """

    def forward(self, input: Tensor) -> Tensor:
        """The p-norm of each window."""
        if torch.jit.is_scripting():
            return S.lp_pool2d(input, float(self.norm_type), self.kernel_size, self.stride, self.ceil_mode)
        else:
            return F.lp_pool2d(input, float(self.norm_type), self.kernel_size, self.stride, self.ceil_mode)


class LPPool3d(nn.LPPool3d):
    """torch.nn.LPPool3d on kernels of anypool: same arguments and shapes, but a norm for odd p
    too.
    """

    def forward(self, input: Tensor) -> Tensor:
        """The p-norm of each window."""
        if torch.jit.is_scripting():
            return S.lp_pool3d(input, float(self.norm_type), self.kernel_size, self.stride, self.ceil_mode)
        else:
            return F.lp_pool3d(input, float(self.norm_type), self.kernel_size, self.stride, self.ceil_mode)


class AdaptiveAvgPool1d(_Adaptive, nn.AdaptiveAvgPool1d):
    """torch.nn.AdaptiveAvgPool1d on kernels of anypool: same arguments, shapes and numbers."""

    def forward(self, input: Tensor) -> Tensor:
        """The mean of each window."""
        if torch.jit.is_scripting():
            return T.adaptive_avg_pool1d(input, self.output_size)
        else:
            return F.adaptive_avg_pool1d(input, self.output_size)


class AdaptiveAvgPool2d(_Adaptive, nn.AdaptiveAvgPool2d):
    """torch.nn.AdaptiveAvgPool2d on kernels of anypool: same arguments, shapes and numbers."""

    def forward(self, input: Tensor) -> Tensor:
        """The mean of each window."""
        if torch.jit.is_scripting():
            return T.adaptive_avg_pool2d(input, self.output_size)
        else:
            return F.adaptive_avg_pool2d(input, self.output_size)


class AdaptiveAvgPool3d(_Adaptive, nn.AdaptiveAvgPool3d):
    """torch.nn.AdaptiveAvgPool3d on kernels of anypool: same arguments, shapes and numbers."""

    def forward(self, input: Tensor) -> Tensor:
        """The mean of each window."""
        if torch.jit.is_scripting():
            return T.adaptive_avg_pool3d(input, self.output_size)
        else:
            return F.adaptive_avg_pool3d(input, self.output_size)


class AdaptiveMaxPool1d(_Adaptive, nn.AdaptiveMaxPool1d):
    """torch.nn.AdaptiveMaxPool1d on kernels of anypool: same arguments, shapes and numbers."""

    def forward(self, input: Tensor):
        """The greatest element of each window, and with return_indices its flat index."""
        if torch.jit.is_scripting():
            return T.adaptive_max_pool1d(input, self.output_size, self.return_indices)
        else:
            return F.adaptive_max_pool1d(input, self.output_size, self.return_indices)


class AdaptiveMaxPool2d(_Adaptive, nn.AdaptiveMaxPool2d):
    """torch.nn.AdaptiveMaxPool2d on kernels of anypool: same arguments, shapes and numbers."""

    def forward(self, input: Tensor):
        """The greatest element of each window, and with return_indices its flat index."""
        if torch.jit.is_scripting():
            return T.adaptive_max_pool2d(input, self.output_size, self.return_indices)
        else:
            return F.adaptive_max_pool2d(input, self.output_size, self.return_indices)


class AdaptiveMaxPool3d(_Adaptive, nn.AdaptiveMaxPool3d):
    """torch.nn.AdaptiveMaxPool3d on kernels of anypool: same arguments, shapes and numbers."""

    def forward(self, input: Tensor):
        """The greatest element of each window, and with return_indices its flat index."""
        if torch.jit.is_scripting():
            return T.adaptive_max_pool3d(input, self.output_size, self.return_indices)
        else:
            return F.adaptive_max_pool3d(input, self.output_size, self.return_indices)
