"""Texts that are wrong, hostile or long are told in one sentence, at no cost, and run nothing."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from registered_names import Holder, forgotten

import anypool as ap
from anypool.expressions import names, reduction_from, text_of, windows_from


@pytest.fixture(autouse=True)
def registered() -> Iterator[None]:
    """What a test registers is forgotten after it."""
    with forgotten():
        ap.register(Holder, "tests.Holder")
        yield


# A text, and what its error says: where, and what is meant.
WRONG: dict[str, tuple[str, ...]] = {
    "5x5": ("'x5' at character 2", "sliding((5, 5))"),
    "3": ("character 1", "sliding((3, 3))"),
    "(3, 2)": ("character 1", "sliding((3, 2))"),
    "sldiing((3, 3))": ("'sldiing'", "did you mean 'sliding'", "character 1"),
    "Sliding((3, 3))": ("did you mean 'sliding'",),
    "sliding((3, 3), stide=2)": ("'stide'", "did you mean 'stride'", "sliding(size, stride"),
    "sliding((3, 3)": ("the end", "character 15"),
    "sliding(3, 3))": ("')' follows", "character 14"),
    "sliding()": ("needs 'size'",),
    "sliding(3, 4, 5, 6, 7)": ("takes 4 values", "is given 5"),
    "sliding((3, 3), size=2)": ("'size' twice",),
    "sliding((3, 3), stride=2, stride=1)": ("'stride' twice", "character 27"),
    "sliding(stride=2, (3, 3))": ("after one with a name", "character 19"),
    "sliding((3 3))": ("'3' stands where ',' or ')'", "character 12"),
    "sliding([3, 3)": ("']'", "character 14"),
    "": ("a value is missing", "character 1"),
    "   ": ("a value is missing",),
    "whole(3)": ("takes 0 values",),
    "segments([0, 2]).slide(2)": ("no method 'slide'", "character 18", "use a call of"),
    "segments([0, 2]).": ("name of a method is missing",),
    "whole().sliding(2)": ("no method 'sliding' of whole",),
    "adaptive((7, 7)) + 1": ("'+' follows", "character 18"),
    "__import__('os').system('true')": ("'__import__'", "character 1"),
    "lambda: 0": ("':'",),
    "[sliding(3)]": ("a call that makes windows is needed",),
    "sliding({3})": ("'{'", "character 9"),
    "sliding(3j)": ("'j'", "character 10"),
    "sliding(0x10)": ("'x10'",),
    "sliding(1_000)": ("'_000'",),
    "sliding(1e999)": ("beyond the range", "character 9"),
    "sliding(9" + "9" * 2000 + ")": ("2001 digits", "1000"),
    "sliding(-'a')": ("sign",),
    "sliding(*(3, 3))": ("'*'",),
    "sliding(b'3')": ("stands where", "character 10"),
    "sliding('3\\q')": ("no escape",),
    "sliding('3": ("does not end", "character 9"),
    "sliding('a')": ("size='a'", "integer"),
    "sliding(½)": ("'½'",),
    "sliding(3²)": ("'²'",),
    "sliding((3,), taps=array([[1, 2], [3]], 'float64'))": ("rows are of one length", "character 20"),
    "sliding((3,), taps=array([1, 2, 300], 'uint8'))": ("holds their numbers",),
    "sliding((3,), taps=array([1.5], 'int8'))": ("holds their numbers",),
    "sliding((3,), taps=array(['1'], 'float64'))": ("array",),
    "sliding((3,), taps=array([1], 'object'))": ("'object'", "'float64'"),
    "array([1], 'int8')": ("does not make windows",),
    "sliding((3, 3), count=Lp(3))": ("no 'Lp'",),
    "size(0)": ("no 'size'",),
    "table(0)": ("no 'table'",),
    "boxes(table(0), 3)": ("no 'table'",),
    "pool(whole(), 'max')": ("no 'pool'",),
    "unregistered.p12.n0.Spread(1)": ("'Spread' was not registered", "ap.register(Spread)"),
}
WRONG_REDUCTIONS: dict[str, tuple[str, ...]] = {
    "meen": ("'meen'", "'mean'"),
    "lp(3)": ("did you mean 'Lp'",),
    "Lp": ("Lp(p) needs 'p'",),
    "Lp(q=3)": ("no argument 'q'",),
    "Lp(p)": ("no 'p'",),
    "Lp('3')": ("Lp(p)", "use a number"),
    "Quantile(0.5, methd='lower')": ("did you mean 'method'",),
    "Quantile(0.5": ("the end",),
    "5": ("a call that makes a reduction is needed",),
    "Place(sliding(3))": ("no 'sliding'",),
    "Place('max')": ("selects no element",),
    "Fold()": ("no 'Fold'",),
    "tied(Median(), 'lsat')": ("lsat",),
    "tests.Holdr(1)": ("did you mean 'tests.Holder'",),
    "unheard of": ("'of'",),
}
OTHERS = [(windows_from, text, said) for text, said in WRONG.items()]
OTHERS += [(reduction_from, text, said) for text, said in WRONG_REDUCTIONS.items()]
FOREIGN = ("<unknown>", "SyntaxError", "literal", "line 1", "malformed", "object at 0x", "positional", "Traceback")


@pytest.mark.parametrize(("read", "text", "said"), OTHERS, ids=lambda v: str(v)[:30] if isinstance(v, str) else "")
def test_a_wrong_text_raises_one_sentence(read: Any, text: str, said: tuple[str, ...]) -> None:
    with pytest.raises(ap.PoolingError) as stop:
        read(text)
    told = str(stop.value)
    assert all(word in told for word in said), told
    assert len(told.splitlines()) == 1 and len(told) < 700 and not any(word in told for word in FOREIGN), told
    assert stop.value.__context__ is None or stop.value.__suppress_context__


@pytest.mark.parametrize("text", [None, 3, b"whole()", ["whole()"], np.str_])
def test_objects_that_are_no_text_are_refused(text: Any) -> None:
    for read in (windows_from, reduction_from):
        with pytest.raises(ap.PoolingError, match="use"):
            read(text)


PIECES = [*names.KINDS, *names.FOLDS, *names.SCALARS, "array", "inf", "nan", "None", "True", "size", "stride", "taps"]
PIECES += [*"()[]{},=.'\"\\-+*/ \n#:;@", "0", "3", "1.5", "1e9", "-0.0", "'max'", "9" * 40, "ap.", "np.", "é", "_"]


@given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join))
@example("sliding(" + "(" * 100)
@example("array(array([1], 'int8'), 'int8')")
@example("-inf-")
@example("groups(array((nan, 1), 'int64'))")
@example("boxes([[0, 1, 1, 5, 5]], 3, offsets=3)")
@example("Ordinal((inf,))")
@example("array([0], 'int8', (2, 3))")
@example("float16(1e9)")
@example("int8([1])")
@example("Quantile(q='0')")
@example("KMax(k=(1,))")
@example("fractional((3,), samples=(True,))")
@example("regions(whole, overlap=[0])")
@example("pyramid(pyramid([1]))")
@example("segments(lengths=(1, (2,)))")
def test_any_text_is_read_or_refused(text: str) -> None:
    for read in (windows_from, reduction_from):
        try:
            read(text)
        except ap.PoolingError as error:
            assert not any(word in str(error) for word in ("<unknown>", "Traceback"))


def test_a_text_takes_no_more_time_and_memory_than_its_length() -> None:
    began = time.perf_counter()
    for text in ("(" * 10**6, "[" * 10**6 + "]" * 10**6, "-" * 10**6, "a." * 10**6, "whole()" + ".sliding(1)" * 10**5):
        with pytest.raises(ap.PoolingError):
            windows_from(text)
    with pytest.raises(ap.PoolingError, match="at most 16777216"):
        windows_from("sliding(" + " " * 2**24 + ")")
    with pytest.raises(ap.PoolingError, match="brackets"):
        windows_from("sliding(" + "[" * 33 + "]" * 33 + ")")
    with pytest.raises(ap.PoolingError, match="digits"):
        windows_from("sliding(" + "9" * 10**6 + ")")
    many = "segments([" + ", ".join(map(str, range(10**6))) + "])"
    assert len(windows_from(many).offsets) == 10**6
    assert time.perf_counter() - began < 60
    deep: Any = 1
    for _ in range(40):
        deep = (deep,)
    for value, said in ((deep, "inside each other"), (10**1001, "digits"), (object(), "object"), (1j, "complex")):
        with pytest.raises(ap.PoolingError, match=said):
            text_of(Holder(value))


def test_a_text_runs_no_code(tmp_path: Any) -> None:
    """An audit hook sees no import, file, process, pickle or compiled code while texts are read."""
    code = """
import sys
import numpy as np
import anypool as ap
from anypool.expressions import windows_from, reduction_from
def read(text):
    for r in (windows_from, reduction_from):
        try: r(text)
        except ap.PoolingError: pass
texts = sys.argv[1:]
for text in texts: read(text)  # what is imported late is there
seen, watch = [], False
def hook(event, args):
    if watch: seen.append((event, str(args)[:80]))
sys.addaudithook(hook)
watch = True
for text in texts: read(text)
watch = False
assert not [s for s in seen if s[0] not in ("object.__getattr__", "builtins.id")], seen  # what inspect looks at
"""
    texts = ["sliding((3, 3), taps=array([[1.0]], 'float64'))", "Lp(inf)", "groups(array([0, 1], 'int64'))", "Lp("]
    texts += ["__import__('os').system('touch x')", "cos\nsystem\n(S'touch x'\ntR.", "eval('1')", "open('x', 'w')"]
    subprocess.run([sys.executable, "-c", code, *texts], check=True, cwd=tmp_path, timeout=120)
    assert not list(tmp_path.iterdir())
