"""The interface of a fold: its state, its gradient, its form by sums, and its declared
properties."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, ClassVar, cast

State = tuple[Any, ...]
Pairs = tuple[tuple[Any, Any], ...]


class Fold:
    """A reduction that processes one element at a time and merges partial results.

    Forward. A state is a tuple of arrays in the shape of x, also if it has one array. `init(zero)`
    returns the state of an empty window. `step(state, x, w, at)` adds one element of weight w at
    position `at`. `merge(a, b)` combines two states, where the elements of a precede those of b.
    `finish(state, n)` returns the result; n is the divisor of a mean.

    Backward. `local_gradient(x, w, at, y, saved, n)` returns ∂y/∂x of one element.
    `save_for_backward(state)` returns the arrays `saved`, which it needs besides x and y.

    Compiled sums. If the result is a function of sums over the window, `from_sums(x, sums)` returns
    it. If ∂y/∂x is a sum of products a(x)·b(y), `gradient_terms(x, y, sums)` returns the pairs (a,
    b). In both, `sums.total(v)` sums v over each window, `sums.n` is n, and `sums.count` is the
    number of elements. `sums.mass(v, there)` is a sum that must not underflow where `there` is
    true.

    >>> import anypool as ap
    >>> class Energy(ap.Fold):
    ...     name = "energy"
    ...     def init(self, zero):
    ...         return (zero,)
    ...     def step(self, state, x, w, at):
    ...         return (state[0] + w * x * x,)
    ...     def merge(self, a, b):
    ...         return (a[0] + b[0],)
    >>> ap.pool([3.0, 1.0, 4.0, 1.0], ap.sliding((2,)), Energy())
    array([10., 17.])
    """

    name: ClassVar[str] = ""
    formula: ClassVar[str] = ""
    source: ClassVar[str] = ""
    accumulates: ClassVar[str] = "float"  # type of the result for integers: "same", "wide" (as NumPy's sum) or "float"
    gives: ClassVar[str] = "value"  # "value", "position", "count" or "truth"
    selects: ClassVar[bool] = False  # the result is one of the elements, and the gradient reaches it alone
    linear: ClassVar[bool] = False  # ∂y/∂x depends on neither x nor y, and the state is a sum that scales with w
    # "sum", "max", "min" or "prod": the state holds the weighted elements, or ones if the result is
    # a count, and `merge` is this operation. See `fact` for subclasses.
    merges_with: ClassVar[str] = ""
    divides: ClassVar[bool] = False  # `finish` divides the sum by n
    difference_of: Any = None  # two selections; the result is their difference
    accepts_bool: ClassVar[bool] = True  # the reduction is defined for bool
    ignores_weight_value: ClassVar[bool] = False  # only whether a weight is nonzero matters
    signed_weights: ClassVar[bool] = False  # negative weights are defined
    scale_free_weights: bool = False  # a factor that all weights have in common changes nothing, where n is Σ w
    empty: ClassVar[float | None] = float("nan")  # the result of an empty window
    ties: str = "first"
    parameters: dict[str, Any]

    def __init__(self) -> None:
        self.parameters = {}

    def __repr__(self) -> str:
        inside = ", ".join(f"{k}={v!r}" for k, v in self.parameters.items())
        return f"{type(self).__name__}({inside})"

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self.__dict__ == other.__dict__

    def __hash__(self) -> int:
        plain = tuple(v if isinstance(v, (int, float, str)) else id(v) for v in self.parameters.values())
        return hash((type(self), plain, self.ties))

    def init(self, zero: Any) -> State:
        """The state of an empty window, in the shape of `zero`."""
        raise NotImplementedError(type(self).__name__)

    def step(self, state: State, x: Any, w: Any, at: Any) -> State:
        """The state after one more element."""
        raise NotImplementedError(type(self).__name__)

    def merge(self, a: State, b: State) -> State:
        """The state of the elements of a, then of b."""
        raise NotImplementedError(type(self).__name__)

    def finish(self, state: State, n: Any) -> Any:
        """The result."""
        return state[0]

    def save_for_backward(self, state: State) -> State:
        """The arrays that `local_gradient` needs besides x and y."""
        return ()

    #: ∂y/∂x of one element; None if the fold has no gradient.
    local_gradient: Any = None

    #: `from_sums(x, sums)`: the result as a function of sums over windows; None if it is no such
    #: function.
    from_sums: Any = None
    sums_need_double: ClassVar[bool] = False  # the sums cancel: they are computed in a type twice as wide as that of x

    #: `with_log_weights(x, a)`: elements x′ whose result without weights is that of x with the
    #: weights e^a; if `scale_free_weights`, it is the result of x′ less that of the same elements
    #: for x = 0.
    with_log_weights: Any = None

    #: `as_mean(x)`: the logarithms of weights for which the result is a mean.
    as_mean: Any = None

    #: `gradient_terms(x, y, sums)`: the pairs (a, b) of ∂y/∂x = Σ a(x)·b(y) at weight 1; None if it
    #: has no such form.
    gradient_terms: Any = None
    #: `weight_terms(x, y, sums)`: the pairs (a, b) of ∂y/∂w = Σ a(x)·b(y); None if it has no such
    #: form.
    weight_terms: Any = None


def fact(reduction: Any, name: str) -> Any:
    """A fact such as `merges_with` or `scale_free_weights` of a reduction, as its class states it.

    A subclass inherits a fact if it changes no more than `__init__`, name, formula and source. One
    that changes anything else states the fact again, or has the default of `Fold`.
    """
    kind = cast("type[object]", type(reduction))
    return getattr(reduction, name) if _is_stated(kind, name) else getattr(Fold, name)


@lru_cache(maxsize=512)
def _is_stated(kind: type[object], name: str) -> bool:
    """Whether the last class that changes the computation states the fact."""
    unchanged = {"name", "formula", "source"}
    for c in kind.__mro__:
        own = {k for k in vars(c) if not k.startswith("__")} - unchanged
        if own:
            return name in own and issubclass(kind, Fold)
    return False
