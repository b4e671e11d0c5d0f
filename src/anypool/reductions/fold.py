"""The form of a fold: init, step, merge, finish, keep, pull, and its declared facts."""

from __future__ import annotations

from typing import Any, ClassVar

State = tuple[Any, ...]
Pairs = tuple[tuple[Any, Any], ...]


class Fold:
    """A reduction that can take in elements one at a time and join two partial results.

    A state is a tuple of arrays shaped as x, even of one. `init(zero)` is the state of nothing,
    `step(state, x, w, at)` takes in one element of weight w at position `at`, `merge(a, b)` joins two states (a
    lies before b), `finish(state, n)` answers, n being what a mean divides by. `save_for_backward(state)` is what the gradient
    needs besides x and y, and `local_gradient(x, w, at, y, saved, n)` is the local gradient ∂y/∂x of one element. Where
    that is a sum of products a(x)·b(y), `gradient_terms(x, y, sums)` gives the pairs (a, b), so that compiled sums make the
    gradient: `sums.total(v)` sums each window, `sums.n` is n, `sums.count` how many elements it holds.
    `from_sums(x, sums)` is the answer by such sums; `sums.mass(v, there)` is one that must not lose what is `there`.

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
    accumulates: ClassVar[str] = "float"  # integers in: "same", "wide" (NumPy's sum) or "float"
    gives: ClassVar[str] = "value"  # "value", "position", "count" or "truth"
    selects: ClassVar[bool] = False  # keeps places instead of values
    linear: ClassVar[bool] = False  # pull depends on neither x nor y, and the state is a sum that scales with w
    accepts_bool: ClassVar[bool] = True  # truth values have it
    ignores_weight_value: ClassVar[bool] = False  # a weight only says whether an element is there
    signed_weights: ClassVar[bool] = False  # negative weights mean something
    empty: ClassVar[float | None] = float("nan")  # of a window that holds nothing
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
        """The state of nothing, shaped as `zero`."""
        raise NotImplementedError(type(self).__name__)

    def step(self, state: State, x: Any, w: Any, at: Any) -> State:
        """The state after one more element."""
        raise NotImplementedError(type(self).__name__)

    def merge(self, a: State, b: State) -> State:
        """The state of both."""
        raise NotImplementedError(type(self).__name__)

    def finish(self, state: State, n: Any) -> Any:
        """The answer."""
        return state[0]

    def save_for_backward(self, state: State) -> State:
        """What `local_gradient` needs besides x and y."""
        return ()

    #: The local gradient of one element; None where there is no gradient.
    local_gradient: Any = None

    #: `from_sums(x, sums)`: the answer as a function of windowed sums, made by `sums`; None where it has no such form.
    from_sums: Any = None
    sums_need_double: ClassVar[bool] = False  # those sums cancel: they are made in a type twice as wide as x's

    #: The pairs whose products the local gradient is, without weights; None where it has no such form.
    gradient_terms: Any = None
