"""Everyday calls on several threads, in a process of their own: a crash names its call.

`tests/everyday.py` is the long form, and says how one call is repeated.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from signal import SIGABRT, SIGSEGV

import pytest
from everyday_runs import Setting, run
from instruction_sets import require
from sampling import QUICK

from anypool.engines.native.library import library

# Lifted blocks end at the last row of a tile's windows: an odd last window read the next row.
BORDERED = """
import faulthandler, sys
import numpy as np
import anypool as ap
faulthandler.enable()
ap.set_num_threads(2)
windows = ap.sliding((3, 3), 1, 1, border=sys.argv[2])
for dtype, side, step in (("f4", 1024, 1), ("f2", 1024, 1), ("f4", 800, 2), ("f4", 1300, 2)):
    x = np.arange(side * side, dtype="i4").reshape(side, side)[:, ::step].astype(dtype) % 251
    given = np.repeat(x, step, 1)[:, ::step]
    padded = np.pad(x.astype("f8"), 1, {"replicate": "edge"}.get(sys.argv[2], sys.argv[2]))
    nine = [padded[i : i + x.shape[0], j : j + x.shape[1]] for i in range(3) for j in range(3)]
    want = np.max(nine, 0) if sys.argv[1] == "max" else np.mean(nine, 0)
    for _ in range(3):
        print(dtype, side, step, flush=True)
        got = ap.pool(given, windows, sys.argv[1])
        np.testing.assert_allclose(got, want, 1e-3 if dtype == "f2" else 1e-6)
"""
CALLS, MOST, CHEAP = (12, 2e5, 2e6) if QUICK else (30, 4e5, 2e6)


def python(code: str, *args: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", code, *args]
    return subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True, timeout=600)


@pytest.fixture(autouse=True)
def built() -> None:
    if library() is None:
        pytest.skip("the core is not built")


@pytest.mark.parametrize("border", ["replicate", "reflect"])
@pytest.mark.parametrize("reduction", ["max", "mean"])
def test_tiles_beside_borders_are_read_to_their_end(reduction: str, border: str) -> None:
    done = python(BORDERED, reduction, border, ANYPOOL_GUARD="behind")
    assert done.returncode == 0, f"after {done.stdout.splitlines()[-1:]}:\n{done.stderr[-3000:]}"


@pytest.mark.parametrize(
    ("isa", "guard", "first"), [("avx512", "behind", 0), ("avx2", "before", 10_000), ("baseline", "behind", 20_000)]
)
def test_random_calls_of_everyday_sizes(isa: str, guard: str, first: int) -> None:
    """Scratch lies between forbidden pages; x, weights and out do so always."""
    require(isa)
    outcome = run(Setting(isa, guard), first, CALLS, MOST, CHEAP, "all")
    assert not outcome.failure, outcome.failure
    assert outcome.calls == CALLS and outcome.ways.get("refused", 0) < CALLS / 3


TOUCH = """
#include <cstdio>
#include <cstdlib>
#include "abi/memory.hpp"
int main(int, char** words) {
  char* block = static_cast<char*>(anypool::take_memory(100, 1));
  for (int i = 0; i < 100; ++i) block[i] = 1;
  std::puts("inside"), std::fflush(stdout);
  block[std::atoi(words[1])] = 2;
  anypool::return_memory(block, 100, 1);
  std::puts("returned");
}
"""


@pytest.mark.skipif(shutil.which("c++") is None, reason="needs a C++ compiler")
def test_the_guard_holds(tmp_path: Path) -> None:
    """A write beyond a block ends the process: at once next to its page, else when it is freed."""
    (tmp_path / "touch.cpp").write_text(TOUCH)
    csrc = Path(__file__).parents[2] / "csrc"
    command = [
        "c++",
        "-std=c++20",
        f"-I{csrc}",
        str(csrc / "abi" / "memory.cpp"),
        str(tmp_path / "touch.cpp"),
        "-o",
        str(tmp_path / "touch"),
    ]
    subprocess.run(command, check=True)
    for guard, at, ends in [
        *(("behind", at, signal) for at, signal in ((0, 0), (99, 0), (100, SIGSEGV), (-1, SIGABRT))),
        *(("before", at, signal) for at, signal in ((0, 0), (99, 0), (100, SIGABRT), (-1, SIGSEGV))),
    ]:
        environment = {**os.environ, "ANYPOOL_GUARD": guard}
        done = subprocess.run([str(tmp_path / "touch"), str(at)], env=environment, capture_output=True, text=True)
        said = "inside\nreturned\n" if ends == 0 else "inside\n"
        assert (done.returncode, done.stdout) == (-ends, said), (guard, at, done.stderr)


def test_scratch_comes_from_one_place() -> None:
    """So that the guard is on both sides of all of it."""
    for file in (Path(__file__).parents[2] / "csrc").rglob("*.?pp"):
        if file.name in ("memory.cpp", "scratch.hpp", "pool.cpp"):
            continue
        for word in ("std::vector<", "std::nothrow", "alloc(", "[]>"):
            text = file.read_text().replace("throw std::bad_alloc()", "")
            assert word not in text, f"{file.name}: {word} is no Scratch or Array (scratch.hpp)"
