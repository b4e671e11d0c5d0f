"""Selection networks: minima and maxima of a window's rows that give the requested ranks.

A lane is one tile of outputs. Each column of the window is sorted once. Runs of 1, 2, 4 … columns
are merged once and read again at other distances. After each merge, elements that cannot have a
requested rank are dropped (forgetful selection).

"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

CE, MIN, MAX, PICK, SORT, MODE, MODE_BUT = range(7)
SORTED_AT_ONCE = 8  # rows that one instruction sorts
Value = tuple[int, int]  # a node, and its distance in lanes


@dataclass(frozen=True)
class Shape:
    """A regular window: sizes, strides and steps of planes, rows and columns; and the requested
    ranks."""

    size: tuple[int, int, int]
    stride: tuple[int, int, int]
    step: tuple[int, int, int]
    ranks: tuple[int, ...]  # empty: the mode
    # for each column of a footprint the (row, plane) of its elements; None: all
    columns: tuple[tuple[tuple[int, int], ...], ...] | None = None

    @property
    def places(self) -> int:
        """The number of elements."""
        if self.columns is not None:
            return sum(map(len, self.columns))
        return self.size[0] * self.size[1] * self.size[2]


class Network:
    """The graph of minima and maxima of one tile; equal nodes exist once."""

    def __init__(self, shape: Shape, tile: tuple[int, int]) -> None:
        self.shape, self.tile = shape, tile
        self.phases = tile[1] * shape.stride[2]
        self.table: dict[tuple[object, ...], tuple[int, ...]] = {}
        self.nodes: list[tuple[int, tuple[Value, ...], int]] = []  # (instruction, operands, which of its results)
        self.runs: dict[tuple[int, ...], tuple[list[Value], int, int]] = {}
        self.columns: dict[tuple[object, ...], tuple[list[Value], int, int]] = {}  # of a footprint
        self.staged: dict[int, int] = {}
        low, high = (min(shape.ranks), max(shape.ranks)) if shape.ranks else (0, shape.places - 1)
        self.low, self.high = (low, high) if shape.ranks else (shape.places, -1)
        self.full = not shape.ranks

    # ---- single instructions ----

    def make(self, kind: int, operands: tuple[Value, ...], results: int) -> list[Value]:
        """The results of one instruction; an equal instruction at another distance is reused."""
        shift = min(o[1] for o in operands)
        moved = tuple((o[0], o[1] - shift) for o in operands)
        key = (kind, moved)
        if key not in self.table:
            first = len(self.nodes)
            self.nodes.extend((kind, moved, i) for i in range(results))
            self.table[key] = tuple(range(first, first + results))
        return [(v, shift) for v in self.table[key]]

    def ordered(self, a: Value, b: Value) -> list[Value]:
        """The smaller and the larger of two values."""
        if a == b:
            return [a, a]
        return self.make(CE, (min(a, b), max(a, b)), 2)

    def merge(self, a: list[Value], b: list[Value]) -> list[Value]:
        """Two sorted lists as one, by Batcher's odd-even merge for any lengths."""
        if not a or not b:
            return a + b
        if len(a) == len(b) == 1:
            return self.ordered(a[0], b[0])
        even, odd = self.merge(a[0::2], b[0::2]), self.merge(a[1::2], b[1::2])
        out, i = [even[0]], 0
        while i < len(odd) and i + 1 < len(even):
            out += self.ordered(odd[i], even[i + 1])
            i += 1
        return out + odd[i:] + even[i + 1 :]

    def sort(self, values: list[Value]) -> list[Value]:
        """The values as a sorted list."""
        if len(values) <= 1:
            return values
        if len(values) <= SORTED_AT_ONCE:
            return self.make(SORT, tuple(values), len(values))
        half = len(values) // 2
        return self.merge(self.sort(values[:half]), self.sort(values[half:]))

    def pick(self, a: list[Value], b: list[Value], rank: int) -> Value:
        """One rank of two sorted lists: min over i of max(a[i−1], b[rank−i])."""
        pairs: list[Value] = []
        for i in range(len(a) + 1):
            j = rank + 1 - i
            if 0 <= j <= len(b):
                left, right = (a[i - 1] if i else b[j - 1]), (b[j - 1] if j else a[i - 1])
                pairs += [left, right]
        return pairs[0] if len(pairs) == 2 and pairs[0] == pairs[1] else self.make(PICK, tuple(pairs), 1)[0]

    # ---- rectangles of the window ----

    def possible_ranks(self, values: list[Value], below: int, above: int) -> tuple[list[Value], int, int]:
        """The values that can have a requested rank, given the numbers of dropped values below and
        above."""
        if self.full:
            return values, below, above
        low = max(0, len(values) - 1 - (self.shape.places - 1 - self.low - above))
        high = min(len(values), self.high - below + 1)
        return values[low:high], below + low, above + len(values) - high

    def element(self, row: int, column: int) -> Value:
        """An element of the staged rows; planes count as rows."""
        number = row * self.phases + column % self.phases
        if number not in self.staged:
            self.staged[number] = len(self.nodes)
            self.nodes.append((-1, ((number, 0),), 0))
        return self.staged[number], column // self.phases

    def rectangle(self, row: int, height: int, column: int, width: int) -> tuple[list[Value], int, int]:
        """The sorted elements of a part of the window, computed at the first phase and shifted."""
        shift, phase = divmod(column, self.phases)
        key = (row, height, phase, width)
        if key not in self.runs:
            planes, rows, columns = self.shape.size[0], self.shape.step[1], self.shape.step[2]
            if width == 1 and (height == 1 or planes * height <= SORTED_AT_ONCE):
                items = [
                    self.element((row + i * rows) * planes + z, phase) for i in range(height) for z in range(planes)
                ]
                part = self.possible_ranks(self.sort(items), 0, 0)
            elif width == 1:
                half = height // 2
                part = self.merge_parts(
                    self.rectangle(row, half, phase, 1), self.rectangle(row + half * rows, height - half, phase, 1)
                )
            else:
                power = 1 << (width - 1).bit_length() - 1
                part = self.merge_parts(
                    self.rectangle(row, height, phase, power),
                    self.rectangle(row, height, phase + power * columns, width - power),
                )
            self.runs[key] = part
        values, below, above = self.runs[key]
        return [(v, s + shift) for v, s in values], below, above

    def merge_parts(
        self, a: tuple[list[Value], int, int], b: tuple[list[Value], int, int]
    ) -> tuple[list[Value], int, int]:
        """Two sorted parts as one."""
        return self.possible_ranks(self.merge(a[0], b[0]), a[1] + b[1], a[2] + b[2])

    def last(self, a: tuple[list[Value], int, int], b: tuple[list[Value], int, int]) -> list[Value]:
        """The requested ranks of the whole window."""
        if len(self.shape.ranks) == 1:
            return [self.pick(a[0], b[0], self.shape.ranks[0] - a[1] - b[1])]
        values, below, _ = self.merge_parts(a, b)
        return [values[r - below] for r in self.shape.ranks]

    # ---- footprints ----

    def footprint(self, columns: tuple[tuple[tuple[int, int], ...], ...]) -> list[Value]:
        """The requested values of a window: adjacent columns with the same rows first, then the
        shortest lists."""
        parts: list[tuple[list[Value], int, int]] = []
        first = 0
        for rows, equal in itertools.groupby(columns):
            width = len(list(equal))
            if rows:
                parts.append(self.equal_columns(rows, first * self.shape.step[2], width))
            first += width
        while len(parts) > 2:
            parts.sort(key=lambda part: len(part[0]), reverse=True)
            parts.append(self.merge_parts(parts.pop(), parts.pop()))
        if self.full:
            values = self.merge(parts[0][0], parts[1][0]) if len(parts) > 1 else parts[0][0]
            return self.make(MODE, tuple(values), 1)
        return self.last(parts[0], parts[1] if len(parts) > 1 else ([], 0, 0))

    def equal_columns(self, rows: tuple[tuple[int, int], ...], column: int, width: int) -> tuple[list[Value], int, int]:
        """The sorted elements of `width` columns that have the same rows, computed at the first
        phase and shifted."""
        shift, phase = divmod(column, self.phases)
        key = (rows, phase, width)
        if key not in self.columns:
            if width == 1:
                planes, step = self.shape.size[0], self.shape.step[1]
                items = [self.element(row * step * planes + plane, phase) for row, plane in rows]
                self.columns[key] = self.possible_ranks(self.sort(items), 0, 0)
            else:
                half = 1 << (width - 1).bit_length() - 1
                far = phase + half * self.shape.step[2]
                self.columns[key] = self.merge_parts(
                    self.equal_columns(rows, phase, half), self.equal_columns(rows, far, width - half)
                )
        values, below, above = self.columns[key]
        return [(v, s + shift) for v, s in values], below, above

    def solve(self) -> dict[tuple[int, int], list[Value]]:
        """The requested values of each output of the tile: the common part first, then halves."""
        if self.shape.columns is not None:
            return {(0, 0): self.footprint(self.shape.columns)}
        _, height, width = self.shape.size
        outputs: dict[tuple[int, int], list[Value]] = {}
        nothing: tuple[list[Value], int, int] = ([], 0, 0)

        def part(y: int, x: int, rows: int, columns: int, core: tuple[list[Value], int, int]) -> None:
            if rows == columns == 1:
                if self.full:
                    outputs[y, x] = self.make(MODE, tuple(core[0]), 1)
                else:
                    outputs[y, x] = [core[0][r - core[1]] for r in self.shape.ranks]
                return
            top, tall = y + rows - 1, height - rows + 1
            left, wide = x + columns - 1, width - columns + 1
            across = columns >= rows
            half = (columns if across else rows) // 2
            for second in (0, 1):
                if across:
                    start = x + half - 1 if not second else x + width
                    extra = self.rectangle(top, tall, start, half)
                    at = (y, x + half * second, rows, half)
                else:
                    start = y + half - 1 if not second else y + height
                    extra = self.rectangle(start, half, left, wide)
                    at = (y + half * second, x, half, columns)
                if at[2] == at[3] == 1 and not self.full:
                    outputs[at[0], at[1]] = self.last(core, extra)
                else:
                    part(*at, self.merge_parts(core, extra))

        rows, columns = self.tile
        if rows == columns == 1 and not self.full and width > 1:
            power = 1 << (width - 1).bit_length() - 1
            outputs[0, 0] = self.last(
                self.rectangle(0, height, 0, power),
                self.rectangle(0, height, power * self.shape.step[2], width - power),
            )
        elif rows == columns == 1 and not self.full and height > 1 and height * self.shape.size[0] > SORTED_AT_ONCE:
            half, step = height // 2, self.shape.step[1]
            outputs[0, 0] = self.last(self.rectangle(0, half, 0, 1), self.rectangle(half * step, height - half, 0, 1))
        else:
            core = self.rectangle(rows - 1, height - rows + 1, columns - 1, width - columns + 1)
            part(0, 0, rows, columns, core)
        del nothing
        return outputs


def tile_of(shape: Shape) -> tuple[int, int]:
    """The number of outputs that share their work, by measurement: one to sixteen."""
    _, height, width = shape.size
    most = max(height, width)
    down = shape.stride[1] == shape.step[1] == 1
    across = shape.stride[2] == shape.step[2] == 1
    if not shape.ranks or shape.columns is not None:
        return 1, 1
    tile = (2, 1) if most <= 3 else (1, 4) if most <= 5 else (2, 2) if most <= 9 else (2, 4) if most <= 13 else (4, 4)
    if height == 1:
        tile = (1, 1 if width <= 3 else 4 if width <= 7 else 8 if width < 101 else 16)
    rows = tile[0] if down else 1
    columns = tile[1] if across else 1
    while rows > 1 and rows >= height:
        rows //= 2
    while columns > 1 and columns >= width:
        columns //= 2
    return rows, columns
