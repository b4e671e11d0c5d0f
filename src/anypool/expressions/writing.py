"""Text of windows, reductions and plain values. `reading` restores them exactly."""

from __future__ import annotations

import inspect
import math
from typing import Any

import numpy as np

from ..arrays.adapter import is_numpy
from ..errors import PoolingError
from .describing import Call, Symbol, Table, described
from .names import FOLDS, KINDS, METHODS, REGISTERED, SCALARS, name_of
from .syntax import DEPTH, DIGITS, LENGTH

LARGE = 10**DIGITS


def text_of(thing: Any) -> str:
    """The expression of windows or of a reduction; a name stays.

    Raises PoolingError for tensors and for classes that are not registered (see
    `anypool.register`).

    >>> import numpy as np, anypool as ap
    >>> text_of(ap.sliding((3, 3), stride=2, border=-0.0))
    'sliding((3, 3), stride=2, border=-0.0)'
    >>> text_of(ap.sliding((2,), taps=np.array([0.5, 0.25])))
    "sliding((2,), taps=array([0.5, 0.25], 'float64'))"
    >>> text_of(ap.Place(ap.Quantile([0.1, 0.5], "lower")))
    "Place(Quantile((0.1, 0.5), method='lower'))"
    """
    return thing if isinstance(thing, str) else written(described(thing, lambda value, varies: value))


def written(value: Any, lasting: bool = True) -> str:
    """The text of a described value. `lasting`: other processes can read it."""
    text = _text(value, lasting, 0)
    if len(text) > LENGTH:
        raise PoolingError(
            f"a text of {len(text)} characters, where at most {LENGTH} are read: "
            f"give long offsets, labels and boxes as tensors"
        )
    return text


def _text(value: Any, lasting: bool, depth: int) -> str:
    if depth > DEPTH:
        raise PoolingError(f"more than {DEPTH} values lie inside each other: no text can tell them")
    tag = value[0] if isinstance(value, tuple) and value else None
    if tag is Symbol:
        return f"{value[1]}({value[2]})"
    if tag is Call:
        return _call(value[1], value[2], value[3], lasting, depth)
    if tag is Table:
        value = np.frombuffer(value[3], value[1]).reshape(value[2])
    if is_numpy(value):
        return _array(value)
    if isinstance(value, (tuple, list)):
        if value and all(type(v) is float or (type(v) is int and -LARGE < v < LARGE) for v in value):
            return repr(list(value) if isinstance(value, list) else tuple(value))
        parts = [_text(v, lasting, depth + 1) for v in value]
        inside = ", ".join(parts)
        return f"[{inside}]" if isinstance(value, list) else f"({inside}{',' * (len(parts) == 1)})"
    if value is None or isinstance(value, bool):
        return repr(value)
    if isinstance(value, np.generic):
        if value.dtype.name not in SCALARS:
            raise PoolingError(f"{value!r} of {value.dtype} has no text: use one of {', '.join(SCALARS)}")
        return f"{value.dtype.name}({_plain(value.item())})"
    if isinstance(value, (int, float, str)):
        return _plain(value)
    if callable(value):
        return name_of(value, lasting)
    kind = type(value).__name__
    raise PoolingError(f"{kind} has no text: use numbers, texts, rows of them, NumPy arrays, windows and reductions")


def _plain(value: Any) -> str:
    """The text of a number or a string, including -0.0, infinities and NaN."""
    if isinstance(value, bool):
        return repr(value)
    if isinstance(value, str):
        return repr(str(value))
    if isinstance(value, int):
        if not -LARGE < value < LARGE:
            raise PoolingError(f"an integer of more than {DIGITS} digits has no text")
        return int.__repr__(value)
    return float.__repr__(value) if math.isfinite(value) else f"{float(value)}"


def _array(value: Any) -> str:
    if value.dtype.name not in SCALARS:
        raise PoolingError(f"an array of {value.dtype} has no text: use one of {', '.join(SCALARS)}")
    shape = "" if value.size else f", {_text(value.shape, True, 0)}"
    return f"array({_text(value.tolist(), True, 0)}, {value.dtype.name!r}{shape})"


def _call(called: Any, arguments: Any, receiver: Any, lasting: bool, depth: int) -> str:
    name = called if isinstance(called, str) else name_of(called, lasting)
    of = "" if receiver is None else f"{_text(receiver, lasting, depth + 1)}."
    remaining = dict(arguments)
    parts: list[str] = []
    leading = True
    make = METHODS[name] if receiver is not None else {**KINDS, **FOLDS, **REGISTERED}[name]
    for p in inspect.signature(make).parameters.values():
        leading = leading and p.default is p.empty and p.kind is not p.KEYWORD_ONLY
        if p.name not in remaining:
            leading = False
            continue
        text = _text(remaining.pop(p.name), lasting, depth + 1)
        if leading:
            parts.append(text)
        elif p.default is p.empty or text != _default(p.default):
            parts.append(f"{p.name}={text}")
    parts += [f"{key}={_text(value, lasting, depth + 1)}" for key, value in remaining.items()]
    return f"{of}{name}({', '.join(parts)})"


def _default(value: Any) -> str | None:
    """The text of a default value; None if it has no text."""
    plain = value is None or isinstance(value, (bool, int, float, str))
    return _text(value, True, 0) if plain else None
