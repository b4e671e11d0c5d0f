"""Writes selection networks as straight-line C++ at build time: usage generate_networks.py PLANNER FOLDER.

`direct` networks read x itself, for small windows; `staged` ones run in place of the machine on staged rows:
values that are read at a distance in lanes end one loop and are stored, all others stay in registers.
"""

import importlib
import sys
from pathlib import Path


def load(folder):
    """The planner alone: the package around it is not built yet."""
    sys.dont_write_bytecode = True
    sys.path.insert(0, folder)
    return importlib.import_module("networks")


def shapes(n):
    """What is generated: (shape, tile, direct)."""
    one = (1, 1, 1)
    for rank in range(9):
        yield n.Shape((1, 3, 3), one, one, (rank,)), (2, 1), True
    for rank in range(8):  # quantiles between two ranks
        yield n.Shape((1, 3, 3), one, one, (rank, rank + 1)), (2, 1), True
    for ranks in ((1,), (2,), (1, 2)):
        yield n.Shape((1, 2, 2), (1, 2, 2), one, ranks), (1, 1), True
    yield n.Shape((1, 3, 3), (1, 3, 3), one, (4,)), (1, 1), True
    yield n.Shape((1, 3, 3), (1, 2, 2), one, (4,)), (1, 1), True
    for ranks in ((3,), (4,), (3, 4)):
        yield n.Shape((2, 2, 2), (2, 2, 2), one, ranks), (1, 1), True
    for size, stride in (((1, 2, 2), (1, 2, 2)), ((2, 2, 2), (2, 2, 2)), ((1, 3, 3), one)):
        yield n.Shape(size, stride, one, ()), (1, 1), True
    # medians of squares and of a cube
    for k, tile in ((5, (1, 4)), (7, (2, 2)), (9, (2, 2)), (11, (2, 4)), (13, (2, 4)), (15, (4, 4))):
        yield n.Shape((1, k, k), one, one, (k * k // 2,)), tile, False
    yield n.Shape((3, 3, 3), one, one, (13,)), (2, 1), False
    # every other rank of the squares of which a machine takes most of the time to read the program
    for k in (5, 7):
        for rank in range(k * k):
            shape = n.Shape((1, k, k), one, one, (rank,))
            if rank != k * k // 2:
                yield shape, n.tile_of(shape), False
    # medians of disks, the commonest footprints: x² + y² ≤ r²
    for r in (1, 2, 3):
        across = range(-r, r + 1)
        columns = tuple(tuple((y + r, 0) for y in across if x * x + y * y <= r * r) for x in across)
        size = (1, 2 * r + 1, 2 * r + 1)
        yield n.Shape(size, one, one, (sum(map(len, columns)) // 2,), columns), (1, 1), False
    # windows that lack elements: each rank that may be the median, or every rank (rank_terms.py asks for these)
    for k, stride, ranks in ((3, 1, 5), (3, 2, 5), (3, 3, 5), (3, 1, 9), (2, 2, 3), (2, 2, 4)):
        shape = n.Shape((1, k, k), (1, stride, stride), one, tuple(range(ranks)))
        yield shape, n.tile_of(shape), True
    for k in (5, 7):
        shape = n.Shape((1, k, k), one, one, tuple(range(k * k // 2 + 1)))
        yield shape, n.tile_of(n.Shape((1, k, k), one, one, (0,))), False


def comparators(count):
    """Batcher's odd-even merge sort for any number of values."""
    p = 1
    while p < count:
        k = p
        while k >= 1:
            for j in range(k % p, count - k, 2 * k):
                for i in range(min(k, count - j - k)):
                    if (i + j) // (2 * p) == (i + j + k) // (2 * p):
                        yield i + j, i + j + k
            k //= 2
        p *= 2


SHORT = 300, 800  # comparisons of a network that bytes, and of a median that all element types have


def is_middle(shape):
    """Whether the ranks are the median's."""
    return shape.ranks in ((shape.places // 2,), (shape.places // 2 - 1, shape.places // 2))


def condition(shape, lines):
    """For which element types and lanes a staged network is written out: C++ that says so.

    The budget is 0.8 MB for each instruction set: all of float32, the medians and short networks of bytes, the
    short medians of 16 bits and integer keys. The machine serves the others, moving medians among them: it took
    the same time as straight code for every length from 5 to 201.
    """
    comparisons = sum(line.count("lesser(") + line.count("greater(") + 2 * line.count("order(") for line in lines)
    if len(shape.ranks) > 2:
        return ""
    wide = ["ANYPOOL_LANES_BYTES > 16"] if comparisons > SHORT[1] else []  # long code pays with wide lanes
    if is_middle(shape) and comparisons <= SHORT[1]:
        types = []
    elif is_middle(shape) or comparisons <= SHORT[0]:
        types = ["(std::is_same_v<T, float> || sizeof(T) == 1)"]
    else:
        types = ["std::is_same_v<T, float>"]
    return " && ".join(wide + types)


class Writer:
    """One network as the body of loops over lanes."""

    def __init__(self, n, shape, tile, direct):
        self.n, self.direct, self.network = n, direct, n.Network(shape, tile)
        found = self.network.solve()
        many = max(len(shape.ranks), 1)
        self.wanted = [found[y, x][r] for r in range(many) for y in range(tile[0]) for x in range(tile[1])]
        self.nodes = self.network.nodes
        self.first = {}
        i = 0
        while i < len(self.nodes):
            kind, operands, _ = self.nodes[i]
            count = 2 if kind == n.CE else len(operands) if kind == n.SORT else 1
            for j in range(i, i + count):
                self.first[j] = i
            i += count
        self.rows = {}

    def staged_body(self):
        written = self.n.Written(self.network, self.wanted)
        level, stored = {v: at for v, at in written.level.items() if v in written.alive}, written.stored
        lines = []
        for v in sorted(stored):
            self.rows[v] = len(self.rows)
        for current in range(max(level.values()) + 1):
            lines.append("  for (Index i = 0; i < lanes; i += L) {")
            self.names = {}
            self.lines = []
            for v in sorted(v for v in level if level[v] == current):
                name = self.value(v, 0, level, current)
                if v in stored:
                    self.lines.append(f"    Lanes<T>::store(scratch + {self.rows[v]} * pitch + i, {name});")
            lines += [*self.lines, "  }"]
        return lines

    def direct_body(self):
        self.names, self.lines = {}, []
        results = [self.value(v, s, None, 0) for v, s in self.wanted]
        return self.lines, results

    def value(self, v, shift, level, current):
        """The name of a value at a distance; what it takes is written before."""
        key = (v, shift)
        if key in self.names:
            return self.names[key]
        kind, operands, result = self.nodes[v]
        name = f"v{v}_{shift}"
        if kind < 0:
            number = operands[0][0]
            if self.direct:
                row, phase = divmod(number, self.network.phases)
                text = f"x.template at<{phase}>({row}, {shift})"
            else:
                text = f"Lanes<T>::load(staged + {number} * pitch + {shift} * unit + i)"
            self.lines.append(f"    const V {name} = {text};")
        elif level is not None and (shift or level[v] < current):
            self.lines.append(
                f"    const V {name} = Lanes<T>::load(scratch + {self.rows[v]} * pitch + {shift} * unit + i);"
            )
        else:
            inputs = [self.value(o, shift + s, level, current) for o, s in operands]
            if kind == self.n.CE:
                self.lines.append(
                    f"    const V {name} = {'greater' if result else 'lesser'}({inputs[0]}, {inputs[1]});"
                )
            elif kind == self.n.PICK:
                pairs = [f"greater({a}, {b})" if a != b else a for a, b in zip(inputs[::2], inputs[1::2], strict=True)]
                self.lines.append(f"    V {name} = {pairs[0]};")
                self.lines += [f"    {name} = lesser({name}, {pair});" for pair in pairs[1:]]
            elif kind == self.n.SORT:
                first = self.first[v]
                names = [f"v{first + j}_{shift}" for j in range(len(inputs))]
                self.lines.append(f"    V {', '.join(f'{a} = {b}' for a, b in zip(names, inputs, strict=True))};")
                self.lines += [f"    order({names[i]}, {names[j]});" for i, j in comparators(len(inputs))]
                for j, each in enumerate(names):
                    self.names[first + j, shift] = each
            else:
                self.lines.append(f"    const V sorted_{name}[] = {{{', '.join(inputs)}}};")
                self.lines.append(f"    const V {name} = vote(sorted_{name});")
        self.names[key] = name
        return name


def main(source, target):
    n = load(source)
    texts, cases = {True: [], False: []}, {True: [], False: []}
    for number, (shape, tile, direct) in enumerate(shapes(n)):
        writer, many, name, out = (
            Writer(n, shape, tile, direct),
            max(len(shape.ranks), 1),
            f"network_{number}",
            texts[direct],
        )
        out.append(f"// {shape} {tile}")
        case = f"case 0x{n.program(shape, tile).key:x}ull: return "
        if direct:
            lines, results = writer.direct_body()
            rows = ((tile[0] - 1) * shape.stride[1] + shape.size[1]) * shape.size[0]
            out.append(f"struct {name} {{")
            out.append(
                f"  static constexpr int rows = {rows}, phases = {writer.network.phases}, tile = {tile[0]}, ranks = {many};"
            )
            out.append(f"  static constexpr int columns = {shape.size[2]};")
            votes, middle = str(not shape.ranks).lower(), str(is_middle(shape)).lower()
            out.append(f"  static constexpr bool votes = {votes}, middle = {middle};")
            out.append("  template <class V, class X> static ANYPOOL_INLINE void run(const X& x, V* y) {")
            out += [*lines, *(f"    y[{i}] = {r};" for i, r in enumerate(results)), "  }", "};"]
            cases[direct].append(f"{case}f({name}{{}});")
        else:
            body = writer.staged_body()
            outputs = ", ".join(str(n.operand((writer.rows[v], s), n.ROW)) for v, s in writer.wanted)
            out.append(f"template <class T> void {name}(const T* staged, T* scratch, Index unit, Index lanes) {{")
            lines = f"straight_lines({n.program(shape, tile).rows})"
            out.append(
                f"  using V = typename Lanes<T>::V; constexpr Index L = Lanes<T>::n, pitch = {lines} * Index(64 / sizeof(T));"
            )
            out += [*body, "}", f"constexpr std::int32_t {name}_outputs[] = {{{outputs}}};"]
            found = f"return {{{name}<T>, {name}_outputs, {len(writer.rows)}}};"
            if only := condition(shape, body):
                found = f"if constexpr ({only}) {found} else return {{}};"
            cases[direct].append(f"{case.removesuffix('return ')}{found}")
    texts[True].append(
        "template <class F> auto with_direct(std::uint64_t key, F f) -> decltype(f(network_0{})) { switch (key) {"
    )
    texts[False].append("template <class T> Straight<T> straight_network(std::uint64_t key) { switch (key) {")
    for direct, name in ((True, "direct"), (False, "staged")):
        text = "\n".join([*texts[direct], *cases[direct], "default: return {}; } }"]) + "\n"
        file = Path(target) / f"networks_{name}.inc"
        if not file.exists() or file.read_text(encoding="utf-8") != text:  # the same text compiles nothing again
            file.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
