"""Which pooling? One model, one data set, many poolings, paired seeds, and a plain verdict.

The module is callable: `anypool.study(...)` is `anypool.study.run(...)`, whose arguments help() lists.
"""

from __future__ import annotations

from ..lazy import callable_module

callable_module(__name__, "running", "run", "Study", needs="torch")  # loaded when asked for: they load torch
