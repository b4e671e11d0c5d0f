"""Calls of everyday sizes, on several threads, in a process of their own: a crash is a failure that names its call."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from anypool.backends.library import library

# Lifted blocks end at the last row that a tile's windows hold: an odd last window met the row after it.
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
    for _ in range(20):
        print(dtype, side, step, flush=True)
        got = ap.pool(given, windows, sys.argv[1])
        np.testing.assert_allclose(got, want, 1e-3 if dtype == "f2" else 1e-6)
"""


def run(code: str, *args: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", code, *args]
    return subprocess.run(command, env=os.environ, capture_output=True, text=True, timeout=600)


@pytest.mark.parametrize("border", ["replicate", "reflect"])
@pytest.mark.parametrize("reduction", ["max", "mean"])
def test_lifted_tiles_are_read_as_far_as_their_windows(reduction: str, border: str) -> None:
    if library() is None:
        pytest.skip("the core is not built")
    done = run(BORDERED, reduction, border)
    assert done.returncode == 0, f"after {done.stdout.splitlines()[-1:]}:\n{done.stderr[-3000:]}"
