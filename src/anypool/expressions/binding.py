"""The arguments of a call by name. Errors list the parameters."""

from __future__ import annotations

import inspect
from typing import Any

from .names import METHODS, nearest
from .syntax import Source, Word


def bound(word: Word, make: Any, args: list[Any], named: dict[str, Any], source: Source) -> dict[str, Any]:
    """All arguments of the call by name."""
    parameters = list(inspect.signature(make).parameters.values())
    parameters = parameters[1:] if word.of is not None and METHODS.get(word.name) is make else parameters
    positional = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    every = [*positional, *(p.name for p in parameters if p.kind is p.KEYWORD_ONLY)]
    takes = f"{word.name}({', '.join(every)})"
    accepts_any = any(p.kind is p.VAR_KEYWORD for p in parameters)
    for key in named:
        if key not in every and not accepts_any:
            near = nearest(key, every)
            guess = f" (did you mean {near}?)" if near else ""
            source.fail(f"{takes} has no argument {key!r}{guess}, in the call", word.at)
    if len(args) > len(positional):
        source.fail(
            f"{takes} takes {len(positional)} values without a name, and is given {len(args)}, in the call", word.at
        )
    twice = [name for name in positional[: len(args)] if name in named]
    if twice:
        source.fail(f"{takes} is given {twice[0]!r} twice, in the call", word.at)
    arguments = {**dict(zip(positional, args, strict=False)), **named}
    missing = [p.name for p in parameters if p.default is p.empty and p.name in every and p.name not in arguments]
    if missing:
        source.fail(f"{takes} needs {' and '.join(map(repr, missing))}, in the call", word.at)
    return arguments
