"""Pictures of calls. The module is callable: `anypool.show(x, windows, reduction)` draws one call.

`anypool.show(...)` is `anypool.show.show(...)`, whose arguments help() lists.
"""

from __future__ import annotations

from ..lazy import callable_module

callable_module(__name__, "picture", "show", "Picture")
