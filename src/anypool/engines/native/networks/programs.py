"""Networks as programs of the core: loops over lanes, with reused rows and registers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

from .graph import CE, MAX, MIN, MODE, MODE_BUT, PICK, SORT, Network, Shape, Value, tile_of

STAGED, ROW = 1 << 30, 1 << 29  # an operand in staged rows, or in a row of scratch; otherwise in a register
NEXT_LOOP, END = -2, -1
MOST_GENERATED = 30000  # words of code
MOST_ROWS, MOST_REACH = 1 << 13, 1 << 10  # of one tile: staged rows, lanes to the right


@dataclass(frozen=True)
class Program:
    """The instructions for one tile of outputs, and the memory that they need."""

    code: tuple[int, ...]
    outputs: tuple[int, ...]  # operands by rank, by row, by column
    rows: int  # rows of scratch
    registers: int
    tile: tuple[int, int]  # rows and columns of outputs
    reach: int  # lanes that are read to the right
    operations: int  # minima and maxima of a tile

    @property
    def key(self) -> int:
        """FNV-1a of the code; the key of a generated network."""
        if len(self.code) > MOST_GENERATED:
            return 0
        key = 0xCBF29CE484222325
        for word in self.code:
            key = ((key ^ (word & 0xFFFFFFFF)) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
        return key


def operand(value: Value, kind: int) -> int:
    """A row or register and a distance in lanes, as one number."""
    assert value[0] < 1 << 19 and value[1] < 1 << 10
    return kind | value[0] << 10 | value[1]


def fits(shape: Shape) -> bool:
    """Whether one tile can be staged; windows with a large step or stride need too many rows."""
    (_, down, across), tile = shape.stride, tile_of(shape)
    rows, columns = (
        (tile[k] - 1) * stride + (shape.size[k + 1] - 1) * shape.step[k + 1] for k, stride in enumerate((down, across))
    )
    phases = tile[1] * across
    return shape.size[0] * (rows + 1) * phases <= MOST_ROWS and columns // phases < MOST_REACH


@lru_cache(maxsize=256)
def program(shape: Shape, tile: tuple[int, int]) -> Program:
    """The instructions in loops over lanes; rows and registers are reused after the last read of
    their value."""
    network = Network(shape, tile)
    values = network.solve()
    outputs = [values[y, x][r] for r in range(max(len(shape.ranks), 1)) for y in range(tile[0]) for x in range(tile[1])]
    return Written(network, outputs).program()


class Written:
    """A network as a program: the loop and the storage of each value."""

    def __init__(self, network: Network, outputs: list[Value]) -> None:
        self.nodes, self.tile, self.outputs = network.nodes, network.tile, outputs
        alive, stack = set[int](), [v for v, _ in outputs]
        while stack:
            v = stack.pop()
            if v not in alive:
                alive.add(v)
                stack += [o for o, _ in self.nodes[v][1]] if self.nodes[v][0] >= 0 else ()
        self.alive = alive
        self.steps = list(self._steps())
        self.level = self._levels()
        self.steps.sort(key=lambda step: self.level[step[0]])
        self.stored = {v for v, _ in outputs}
        self.last_step, self.last_level = dict[int, int](), {v: 1 << 30 for v, _ in outputs}
        for t, (first, _) in enumerate(self.steps):
            for v, shift in self.nodes[first][1]:
                if self.nodes[v][0] >= 0:
                    if shift or self.level[v] < self.level[first]:
                        self.stored.add(v)
                    self.last_step[v] = t
                    self.last_level[v] = max(self.last_level.get(v, 0), self.level[first])

    def _steps(self) -> Iterator[tuple[int, list[int]]]:
        """The first result of each used instruction, and all its results."""
        i = 0
        while i < len(self.nodes):
            kind, operands, _ = self.nodes[i]
            many = 2 if kind == CE else len(operands) if kind == SORT else 1
            if kind >= 0 and any(j in self.alive for j in range(i, i + many)):
                yield i, list(range(i, i + many))
            i += many

    def _levels(self) -> dict[int, int]:
        """The loop of each value; a value that is read at a distance belongs to an earlier loop."""
        level: dict[int, int] = {}
        for first, results in self.steps:
            far = [level[o] + (shift > 0) for o, shift in self.nodes[first][1] if self.nodes[o][0] >= 0]
            level.update(dict.fromkeys(results, max(far, default=0)))
        return level

    def program(self) -> Program:
        """The program."""
        slot: dict[int, int] = {}
        rows, registers = Slots(), Slots()
        last_use: dict[int, list[int]] = {}
        code: list[int] = []
        operations, current_level = 0, 0

        def at(value: Value) -> int:
            v, shift = value
            if self.nodes[v][0] < 0:
                return operand((self.nodes[v][1][0][0], shift), STAGED)
            return operand((slot[v], shift), ROW if v in self.stored else 0)

        for t, (first, results) in enumerate(self.steps):
            if self.level[first] != current_level:
                for v in last_use.pop(current_level, ()):
                    rows.free(slot[v])
                current_level = self.level[first]
                code.append(NEXT_LOOP)
            kind, operands, _ = self.nodes[first]
            inputs = [at(o) for o in operands]
            for v in {v for v, _ in operands}:
                if self.nodes[v][0] >= 0 and v not in self.stored and self.last_step[v] == t:
                    registers.free(slot[v])
            used = [j for j in results if j in self.alive]
            stored_results = used if kind != SORT else results
            for v in stored_results:
                slot[v] = (rows if v in self.stored else registers).take()
                if v in self.stored:
                    last_use.setdefault(self.last_level[v], []).append(v)
            targets = [operand((slot[v], 0), ROW if v in self.stored else 0) for v in stored_results]
            for v in stored_results:
                if v not in self.alive:
                    registers.free(slot[v])
            operations += {CE: len(used), PICK: len(inputs) - 1, SORT: 3 * len(inputs), MODE: 4 * len(inputs)}[kind]
            if kind == CE and len(used) == 1:
                kind = MIN if used[0] == first else MAX
            code += [kind, len(inputs), *inputs, *targets]
        outputs = tuple(at(w) for w in self.outputs)
        return Program((*code, END), outputs, rows.most, registers.most, self.tile, self._reach(), operations)

    def _reach(self) -> int:
        reach: dict[int, int] = {}
        for v, shift in self.outputs:
            reach[v] = max(reach.get(v, 0), shift)
        for first, results in reversed(self.steps):
            far = max(reach.get(j, 0) for j in results)
            for v, shift in self.nodes[first][1]:
                reach[v] = max(reach.get(v, 0), far + shift)
        return max(reach.values(), default=0)


class Slots:
    """A free list of numbers."""

    def __init__(self) -> None:
        self.most = 0
        self.spare: list[int] = []

    def take(self) -> int:
        """A free number."""
        if self.spare:
            return self.spare.pop()
        self.most += 1
        return self.most - 1

    def free(self, slot: int) -> None:
        """Return a number to the free list."""
        self.spare.append(slot)


def all_but(whole_program: Program, key: int) -> Program:
    """The same program with votes that ignore one label, by the 64 bits of its key; it is never
    generated."""
    code, words = whole_program.code, list[int]()
    k = 0
    while k < len(code):
        kind = code[k]
        if kind < 0:
            words.append(kind)
            k += 1
            continue
        n = code[k + 1]
        end = k + 2 + n + (2 if kind == CE else n if kind == SORT else 1)
        words += code[k:end] if kind != MODE else (MODE_BUT, *code[k + 1 : end], *_halves(key))
        k = end
    return replace(whole_program, code=tuple(words))


def _halves(key: int) -> tuple[int, int]:
    low, high = key & 0xFFFFFFFF, key >> 32 & 0xFFFFFFFF
    return low - (low >> 31 << 32), high - (high >> 31 << 32)
