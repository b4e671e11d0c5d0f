"""The instruction sets of the compiled library, each asked for in a process of its own.

`python tests/oracles/instruction_sets.py avx2` fails where this process uses another set."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import lru_cache

import pytest

from anypool.engines.native.library import library

ISAS = ("avx512", "avx2", "baseline")
OWN = library().anypool_isa().decode() if library() else ""  # the set of this process
ASK = "from anypool.engines.native.library import library as l; print(l().anypool_isa().decode() if l() else '')"


@lru_cache
def chosen(isa: str) -> str:
    """The set of a process with ANYPOOL_ISA=isa; empty where the library has none for it."""
    environment = {**os.environ, "ANYPOOL_ISA": isa}
    return subprocess.check_output([sys.executable, "-c", ASK], env=environment, text=True, timeout=60).strip()


def require(isa: str) -> None:
    """Skip a test of this set where the library lacks it or the processor does not run it."""
    if not OWN:
        pytest.skip("the core is not built")
    if chosen(isa) != isa:
        pytest.skip(f"this library has no {isa} that runs here: -DANYPOOL_ISAS=all builds every set")


if __name__ == "__main__" and sys.argv[1:] != [OWN]:
    sys.exit(f"this process uses the instruction set {OWN or 'of no library'}, not {' '.join(sys.argv[1:])}")
