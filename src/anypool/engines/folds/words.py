"""Element types, lifts, merges and finishes by name, and the recipe that joins them."""

from __future__ import annotations

from dataclasses import dataclass

TYPES: tuple[str, ...] = tuple(
    "float32 float64 float16 bfloat16 uint8 int8 uint16 int16 uint32 int32 uint64 int64".split()
)
MERGES: tuple[str, ...] = tuple("sum max min prod moments".split())
LIFTS: tuple[str, ...] = tuple("value truth magnitude square exp exp_value shifted place present".split())
FINISHES: tuple[str, ...] = tuple(
    "plain divide root divide_root log divide_log ratio difference var std select".split()
)
SCALE_FREE = ("divide", "divide_root", "var", "std")  # of sums of weighted elements: any scale of the weights
WEIGHTINGS: tuple[str, ...] = ("", "presence", "total")  # the plane of weights
HALVES = ("float16", "bfloat16")
FLOATS = ("float32", "float64", *HALVES)
SMALL_INTS = ("uint8", "int8", "uint16", "int16", "bool")
EXACT_SQUARES = ("float32", *HALVES, *SMALL_INTS)  # a double represents their squares


@dataclass(frozen=True)
class Recipe:
    """Lift, merge, finish, and the element types of the planes and the result."""

    lift: str
    merges: tuple[str, ...]
    finish: str
    plane: str
    result: str
    weighting: str = ""  # what the plane of weights adds up; "" without one
    rate: float = 0.0
    ddof: float = 0.0
    divisor: float = 0.0  # replaces the counts if it is not 0
    minimum: bool = False
    last: bool = False
    values: bool = True  # whether the result includes the selected values
    position_dtype: str | None = None  # element type of the selected positions, if the result includes them


class Refusal(Exception):
    """The reason why a fold has no recipe for a job."""
