"""The records of the C ABI, and the sizes by which a library of another version is recognized."""

from __future__ import annotations

import ctypes
from typing import Any

VERSION = 1  # of what the fields mean; csrc/abi/version.hpp has the same number
_INT, _REAL = ctypes.c_int64, ctypes.c_double


def _fields(kind: Any, names: str) -> list[tuple[str, Any]]:
    return [(name, kind) for name in names.split()]


class Level(ctypes.Structure):
    """One level of the array in memory order; the C++ struct is anypool_level."""

    _fields_ = _fields(
        _INT, "size windows places step affine start stride x_stride w_stride real first length count source"
    )


class FoldRecord(ctypes.Structure):
    """The arguments of one fold; the C++ struct is anypool_job."""

    _fields_ = [
        *_fields(_INT, "x w y place g levels level inner x_inner w_inner"),
        *_fields(_INT, "x_type w_type y_type place_type plane_type"),
        *_fields(_INT, "lift merge0 merge1 weighting finish staged omit logs checks min last fill"),
        *_fields(_REAL, "empty divisor rate ddof"),
        *_fields(_INT, "threads runs run"),
    ]


class Run(ctypes.Structure):
    """Adjacent places of a window's row with one weight; the C++ struct is anypool_run."""

    _fields_ = [*_fields(_INT, "row first length"), ("weight", _REAL)]


class WeightedRecord(ctypes.Structure):
    """The gradient of a weighted sum or mean; the C++ struct is anypool_weighted."""

    _fields_ = _fields(_INT, "total adjoint x w g y gx gw items elements windows type w_type logs")


class Pick(ctypes.Structure):
    """The indices along one axis; the C++ struct is anypool_pick."""

    _fields_ = _fields(_INT, "out size stride offsets index taps")


class IndexedRecord(ctypes.Structure):
    """The arguments of one fold of indexed windows; the C++ struct is anypool_lists."""

    _fields_ = [
        *_fields(_INT, "x y place outer x_outer y_outer lanes x_lane y_lane images x_image"),
        *_fields(_INT, "begin order bins y_group y_bin"),
        ("pick", Pick * 3),
        *_fields(_INT, "start n"),
        ("empty", _REAL),
        *_fields(_INT, "owner positions parts type merge divide scattered"),
    ]


class IndexedRankRecord(ctypes.Structure):
    """The arguments of one order statistic of indexed windows; the C++ struct is
    anypool_list_orders."""

    _fields_ = [
        ("lists", IndexedRecord),
        *_fields(_INT, "low high shares most blend omit ranked real terms row"),
    ]


class Span(ctypes.Structure):
    """One pooled axis; the C++ struct is anypool_span."""

    _fields_ = _fields(_INT, "windows size stride step start extent x_stride y_stride source")


class NetworkRecord(ctypes.Structure):
    """The arguments of one order statistic; the C++ struct is anypool_orders."""

    _fields_ = [
        *_fields(_INT, "x y type y_type batches batch_x batch_y"),
        ("span", Span * 3),
        *_fields(_INT, "inner code words outputs scratch registers tile_rows tile_columns reach ranks blend"),
        ("share", _REAL),
        ("key", ctypes.c_uint64),
        ("fill", _INT),
        *_fields(_INT, "terms full low high shares coefficients mask omit empty has_empty runs run"),
    ]


class SortRecord(ctypes.Structure):
    """The arguments of one call that sorts windows; the C++ struct is anypool_sorted."""

    _fields_ = [
        *_fields(_INT, "x w type w_type rows row_x row_w"),
        ("pick", Pick * 3),
        ("w_stride", _INT * 3),
        *_fields(_INT, "places begin count fill omit flipped values masses cumulated order present nan g gx row_g"),
        ("g_stride", _INT * 3),
        *_fields(_INT, "ties table"),
    ]


class Extent(ctypes.Structure):
    """One pooled axis; the C++ struct is anypool_extent."""

    _fields_ = _fields(_INT, "windows stride first length")


class SelectRecord(ctypes.Structure):
    """The arguments of one call that selects ranks; the C++ struct is anypool_select."""

    _fields_ = [
        *_fields(_INT, "x mask y type real rows row"),
        ("axis", Extent * 3),
        *_fields(_INT, "count low high share blend omit ranked empty"),
    ]


RECORDS: dict[str, type[ctypes.Structure]] = {
    "anypool_level": Level,
    "anypool_job": FoldRecord,
    "anypool_run": Run,
    "anypool_weighted": WeightedRecord,
    "anypool_pick": Pick,
    "anypool_lists": IndexedRecord,
    "anypool_list_orders": IndexedRankRecord,
    "anypool_span": Span,
    "anypool_orders": NetworkRecord,
    "anypool_sorted": SortRecord,
    "anypool_extent": Extent,
    "anypool_select": SelectRecord,
}
# What a library answers if it is asked for its version, and for the size of each record in bytes.
EXPECTED = {"version": VERSION, **{name: ctypes.sizeof(record) for name, record in RECORDS.items()}}
