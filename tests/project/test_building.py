"""Building: the instruction sets that CMake chooses, and what a process says of its set."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from instruction_sets import OWN, chosen

ROOT = Path(__file__).parents[2]
CMAKE = shutil.which("cmake", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
X86 = platform.machine().lower() in ("x86_64", "amd64")
needs_cmake = pytest.mark.skipif(
    CMAKE is None or not shutil.which("c++") or not shutil.which("make"), reason="needs CMake and a C++ compiler"
)
needs_x86 = pytest.mark.skipif(not X86 or sys.platform != "linux", reason="needs several instruction sets")


def configure(folder: Path, *options: str) -> tuple[list[str], str]:
    """The instruction sets that CMake would build, and all that it prints."""
    command = [str(CMAKE), "-G", "Unix Makefiles", "-S", str(ROOT), "-B", str(folder), *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    printed = done.stdout + done.stderr
    line = next((li for li in printed.splitlines() if li.startswith("-- anypool: instruction sets ")), "")
    assert bool(line) == (done.returncode == 0), printed
    return line.removeprefix("-- anypool: instruction sets ").split(" ")[0].split(";"), printed


@needs_cmake
def test_the_default_is_the_set_of_this_machine(tmp_path: Path) -> None:
    sets, printed = configure(tmp_path)
    assert "(ANYPOOL_ISAS=native)" in printed
    assert len(sets) == 1 and (not X86 or not OWN or chosen(sets[0]) == sets[0] == chosen("")), (sets, OWN)


@needs_cmake
@needs_x86
def test_sets_by_name(tmp_path: Path) -> None:
    """All sets or a list; the same folder builds the native set again when it is asked to."""
    assert configure(tmp_path, "-DANYPOOL_ISAS=all")[0] == ["baseline", "avx2", "avx512"]
    assert configure(tmp_path, "-DANYPOOL_ISAS=baseline;avx2")[0] == ["baseline", "avx2"]
    assert "'neon' is none of native;all;baseline;avx2;avx512" in configure(tmp_path, "-DANYPOOL_ISAS=avx2;neon")[1]
    assert "ANYPOOL_ISAS is empty" in configure(tmp_path, "-DANYPOOL_ISAS=")[1]
    assert len(configure(tmp_path, "-DANYPOOL_ISAS=native")[0]) == 1


@needs_cmake
@needs_x86
def test_a_processor_that_cannot_be_asked_gets_the_baseline(tmp_path: Path) -> None:
    """A cross build, and a build whose programs do not run here."""
    system = ("-DCMAKE_SYSTEM_NAME=Linux", "-DCMAKE_SYSTEM_PROCESSOR=x86_64")
    sets, printed = configure(tmp_path / "cross", *system)
    assert sets == ["baseline"] and "a cross build cannot ask the processor" in printed
    sets, printed = configure(tmp_path / "alien", "-DCMAKE_EXE_LINKER_FLAGS=-Wl,--dynamic-linker=/no/such/loader")
    assert sets == ["baseline"] and "native_set.cpp does not run here" in printed


@pytest.mark.skipif(shutil.which("make") is None, reason="needs make")
def test_make_says_which_compiler_is_missing() -> None:
    command = ["make", "-o", ".venv/ready", "arm64", "ARM64_CXX=no-such-compiler"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode and "no-such-compiler is not there: install it" in done.stderr


@pytest.mark.skipif(not OWN, reason="the core is not built")
@pytest.mark.parametrize("isa", ["", "baseline", "avx2"])
def test_check_names_the_instruction_set(isa: str) -> None:
    """A library without a set that ANYPOOL_ISA allows is not active, and `anypool check` says
    why."""
    code = "from anypool.engines.folds.native import status; print(status()[0])"
    environment = {**os.environ, "ANYPOOL_ISA": isa}
    said = subprocess.check_output([sys.executable, "-c", code], env=environment, text=True, timeout=60)
    if chosen(isa):
        assert f"cpu: active, instruction set {chosen(isa)}," in said
    else:
        assert isa and "cpu: not active" in said and "was built for another processor" in said


@pytest.mark.skipif(not OWN, reason="the core is not built")
def test_a_call_without_its_instruction_set_runs_in_the_reference() -> None:
    """ANYPOOL_ISA never lets a process run a wider set than it names."""
    code = "import anypool as ap, numpy as np; print(ap.explain(np.ones((4, 4)), ap.sliding((2, 2)), 'max').backend)"
    for isa in ("baseline", "avx2", "avx512"):
        environment = {**os.environ, "ANYPOOL_ISA": isa}
        said = subprocess.check_output([sys.executable, "-c", code], env=environment, text=True, timeout=60)
        assert said.strip() == ("cpu" if chosen(isa) else "reference"), isa
        order = ("", "baseline", "neon", "avx2", "avx512")
        assert order.index(chosen(isa)) <= max(order.index(isa), order.index("neon"))
