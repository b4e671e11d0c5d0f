"""Experiments: one model and one data set, trained once for each pooling and each seed.

The module is callable: `anypool.study(...)` is `anypool.study.run(...)`, whose arguments help()
lists.
"""

from __future__ import annotations

from ..lazy import callable_module

# These modules import torch, so they are imported on first use.
callable_module(__name__, "running", "run", "Study", needs="torch")
