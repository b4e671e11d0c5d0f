"""No access outside arrays: calls next to forbidden memory, for each instruction set."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from instruction_sets import ISAS, OWN, require
from sampling import QUICK

pytestmark = pytest.mark.skipif(sys.platform not in ("linux", "darwin"), reason="needs mprotect")
PROGRAM = Path(__file__).parents[1] / "oracles" / "guarded.py"
OTHERS = () if "ANYPOOL_ISA" in os.environ else (isa for isa in ISAS if isa != OWN)
SETS = [OWN, *(pytest.param(isa, marks=pytest.mark.slow) for isa in OTHERS)]


def run(program: list[str], **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *program]
    return subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True, timeout=600)


@pytest.mark.parametrize(
    ("what", "count"),
    [("values", "500" if QUICK else "1500"), ("gradients", "40" if QUICK else "120")],
    ids=["values", "gradients"],
)
@pytest.mark.parametrize("isa", SETS)
def test_calls_beside_forbidden_memory(isa: str, what: str, count: str) -> None:
    require(isa)
    done = run([str(PROGRAM), what, count], ANYPOOL_ISA=isa, ANYPOOL_NUM_THREADS="1")
    assert done.returncode == 0, f"{done.stdout.splitlines()[-1]}\n{done.stderr[-3000:]}"


@pytest.mark.parametrize("behind", [True, False])
@pytest.mark.parametrize("access", ["page.held[at]", "page.held.__setitem__(at, 1)"])
def test_the_guard_holds(access: str, behind: bool) -> None:
    """One byte too far ends the program; the last byte does not."""
    inside = "mmap.PAGESIZE + page.size - 1" if behind else "mmap.PAGESIZE"
    step = 1 if behind else -1
    first = f"import mmap, guarded; page = guarded.Page(); at = {inside}; {access}"
    code = f"{first}; print('alive', flush=True); at += {step}; {access}"
    done = run(["-c", code], PYTHONPATH=os.pathsep.join([str(PROGRAM.parent), *sys.path]))
    assert done.stdout == "alive\n" and done.returncode != 0, (done.returncode, done.stderr)
