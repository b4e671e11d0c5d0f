"""Selection networks: planned here, run by the core. The build generates code for the most frequent
ones."""

from __future__ import annotations

from .graph import CE, MAX, MIN, MODE, PICK, SORT, Network, Shape, tile_of
from .programs import ROW, STAGED, Program, Written, all_but, fits, operand, program

__all__ = [
    "CE",
    "MAX",
    "MIN",
    "MODE",
    "PICK",
    "ROW",
    "SORT",
    "STAGED",
    "Network",
    "Program",
    "Shape",
    "Written",
    "all_but",
    "fits",
    "operand",
    "program",
    "tile_of",
]
