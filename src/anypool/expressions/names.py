"""The names that expressions may call: public windows and reductions, and registered classes."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Iterable
from typing import Any, TypeVar, overload

from .. import reductions
from .. import windows as kinds
from ..errors import PoolingError
from ..order_statistics import PARAMETRIC_ORDERS, Order, function, tied
from ..order_statistics.function import Function
from ..reductions import PARAMETRIC, REDUCTIONS, TIES
from ..windows.arguments import constant
from .syntax import MODULES, NAME, VALUES

Registrable = TypeVar("Registrable", bound=Callable[..., Any])
KINDS: dict[str, Any] = {function.__name__: function for function in kinds.KINDS.values()}


def with_ties(order: Any, ties: Any) -> Order:
    """An order statistic with its own rule of ties."""
    if not isinstance(order, Order) or ties not in TIES:
        raise PoolingError(
            f"tied({order!r}, {ties!r}): give an order statistic, and one of {', '.join(map(repr, TIES))}"
        )
    return tied(order, ties)


FOLDS: dict[str, Any] = {
    **REDUCTIONS,
    **PARAMETRIC,
    **PARAMETRIC_ORDERS,
    "SplitMax": reductions.SplitMax,
    "SplitMin": reductions.SplitMin,
    "function": function,
    "tied": with_ties,
}
METHODS: dict[str, Any] = {"sliding": kinds.Segments.sliding, "exclusive": kinds.Boxes.exclusive}  # of windows
SCALARS = ("bool", *(f"{u}int{n}" for u in ("", "u") for n in (8, 16, 32, 64)), "float16", "float32", "float64")
OPERANDS = ("size", "number", "table", "learned")  # operands of torch's operators besides the text
RESERVED = frozenset((*KINDS, *FOLDS, *SCALARS, *OPERANDS, *VALUES, "array", "pool"))
REGISTERED: dict[str, Any] = {}
HERE = f"unregistered.p{os.urandom(6).hex()}"  # prefix of names that are valid in this process only
NAMES: dict[Any, str] = {
    **{kind: function.__name__ for kind, function in kinds.KINDS.items()},
    **{kind: name for name, kind in FOLDS.items() if isinstance(kind, type)},
    Function: "function",
}
CHANGED: list[Callable[[], None]] = []  # functions that clear caches of texts when the meaning of a name changes


@overload
def register(thing: Registrable, name: str | None = None) -> Registrable: ...
@overload
def register(thing: None = None, name: str | None = None) -> Callable[[Registrable], Registrable]: ...
def register(thing: Any = None, name: str | None = None) -> Any:
    """Register a reduction or window class under a name, for exported programs and expressions.

    thing: a class (a subclass of `Fold` or `Order`, or one with the same methods), or a function
    that is an argument of
    such a class. name: dotted words, such as "mylib.Spread"; default: the name of the class.
    The text of an object is a call with the constructor's arguments. Each is read from
    `.parameters[argument]` or from `.argument`; another class defines a method `arguments()` that
    returns them as a dict. Register the class where it is defined, before `torch.export` and in
    each process that runs the program. A loaded program imports nothing and calls registered names
    only.
    Returns the class, so that it works as a decorator. Raises PoolingError for a name of another
    class.

    >>> import anypool as ap
    >>> @ap.register
    ... class Spread(ap.Order):
    ...     def __init__(self, share=1.0):
    ...         super().__init__()
    ...         self.parameters = {"share": share}
    ...     def finish(self, window, n):
    ...         return (window.at(n - 1) - window.at(0)) * self.parameters["share"]
    >>> from anypool.expressions import reduction_from, text_of
    >>> text_of(Spread(0.5))
    'Spread(share=0.5)'
    >>> ap.pool([3.0, 1.0, 4.0], ap.whole(), reduction_from("Spread(0.5)"), axes=0)
    array([1.5])
    """
    if thing is None or isinstance(thing, str):
        return lambda decorated: register(decorated, name or thing)
    if not callable(thing):
        raise PoolingError(f"register({thing!r}): give a class, such as ap.register(type(reduction))")
    own = getattr(thing, "__name__", type(thing).__name__)
    chosen = own if name is None else name
    if not isinstance(chosen, str) or not NAME.fullmatch(chosen) or chosen.startswith(MODULES):
        raise PoolingError(f"register(name={chosen!r}): use words and dots, such as 'mylib.{own.strip('<>')}'")
    before = REGISTERED.get(chosen)
    redefined = before is not None and _definition(before) == _definition(
        thing
    )  # the same definition, run again by a notebook cell or a reload
    if chosen in RESERVED or chosen.startswith("unregistered.") or (before not in (None, thing) and not redefined):
        holder = "anypool's own" if before is None else f"of {'.'.join(_definition(before))}"
        raise PoolingError(f"register: the name {chosen!r} is {holder}; give another, such as 'mylib.{own}'")
    REGISTERED[chosen] = thing
    NAMES[thing] = chosen
    for forget in CHANGED:
        forget()
    return thing


def name_of(thing: Any, lasting: bool) -> str:
    """The name of a class or function. Without `lasting`, an unregistered one gets a name for this
    process."""
    try:
        known = NAMES.get(thing)
    except TypeError:
        known = None
    if known is not None and (not lasting or not known.startswith(HERE)):
        return known
    own = getattr(thing, "__qualname__", type(thing).__name__)
    if lasting or not callable(thing):
        raise PoolingError(
            f"{'.'.join(_definition(thing))} is not registered, so that no text can name it: "
            f"write ap.register({own.rpartition('.')[2]}) where it is defined, and import that wherever the text is read"
        )
    word = "".join(c if c.isascii() and (c.isalnum() or c == "_") else "_" for c in own.rpartition(".")[2])
    temporary = f"{HERE}.n{len(REGISTERED)}.{word if not word[:1].isdigit() else '_' + word}"
    REGISTERED[temporary] = thing
    NAMES[thing] = temporary
    return temporary


def unknown(name: str, names: Iterable[str]) -> str:
    """The sentence of an error about an unknown name."""
    if name.startswith("unregistered."):
        return (
            f"the class {name.rpartition('.')[2]!r} was not registered in the process that wrote this: "
            f"write ap.register({name.rpartition('.')[2]}) where it is defined, and export the program again"
        )
    near = nearest(name, names)
    return f"there is no {name!r} to call{f' (did you mean {near}?)' if near else ''}"


def nearest(name: str, names: Iterable[str]) -> str:
    """The names closest to a name, in quotes; empty if none is close."""
    import difflib

    by_lower_case = {n.lower(): n for n in names if not n.startswith("unregistered.")}
    matches = difflib.get_close_matches(name.lower(), by_lower_case, 3, 0.6)
    return " or ".join(repr(by_lower_case[n]) for n in matches)


@constant
def argument_names(kind: Any) -> tuple[str, ...]:
    """The parameters of the function or class that constructs objects of this class."""
    parameters = inspect.signature(KINDS.get(NAMES.get(kind, ""), kind)).parameters.values()
    return tuple(p.name for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD))


def _definition(thing: Any) -> tuple[str, str]:
    kind = thing if hasattr(thing, "__qualname__") else type(thing)
    return str(getattr(kind, "__module__", "")), str(kind.__qualname__)
