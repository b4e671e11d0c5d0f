"""Random everyday calls on each instruction set, with guarded scratch memory and the sanitizer.

`python tests/everyday.py --minutes 60` runs calls until the time is over, in processes of their
own: a crash, a wrong number or a refusal that only the core makes is reported with the call, and
how to repeat it. `--seed N` repeats one call."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ISAS, GUARDS = ("avx512", "avx2", "baseline"), ("behind", "before", "")
HERE = Path(__file__).resolve()


@dataclass(frozen=True)
class Setting:
    """What one process runs under."""

    isa: str
    guard: str
    sanitized: str = ""  # a library built with the address sanitizer

    def environment(self) -> dict[str, str]:
        found = {**os.environ, "ANYPOOL_ISA": self.isa, "ANYPOOL_GUARD": self.guard}
        if self.sanitized:
            libraries = [
                subprocess.check_output(["gcc", f"-print-file-name=lib{name}.so"], text=True).strip()
                for name in ("asan", "ubsan")
            ]
            found |= {"ANYPOOL_LIBRARY": self.sanitized, "LD_PRELOAD": " ".join(libraries)}
            found |= {
                "ASAN_OPTIONS": "detect_leaks=0:allocator_may_return_null=1",
                "UBSAN_OPTIONS": "print_stacktrace=1",
            }
        return found

    def arguments(self) -> list[str]:
        return [
            *("--isa", self.isa, "--guard", self.guard or "none"),
            *(["--sanitized", self.sanitized] if self.sanitized else []),
        ]


@dataclass
class Outcome:
    """What a process found."""

    calls: int
    ways: dict[str, int]
    failure: str = ""


def run(
    setting: Setting, first: int, count: int, most: float, cheap: float, flags: str, limit: float = 1200
) -> Outcome:
    """Calls first … first + count - 1 in a process of their own."""
    command = [sys.executable, str(HERE), "--child", str(first), str(count), str(most), str(cheap), "--flags", flags]
    try:
        done = subprocess.run(command, env=setting.environment(), capture_output=True, text=True, timeout=limit)
        code, out, err = done.returncode, done.stdout, done.stderr
    except subprocess.TimeoutExpired as late:
        code, out, err = -1, (late.stdout or b"").decode(), f"took more than {limit} s"
    lines, ways = out.splitlines(), dict[str, int]()
    for line in lines:
        if line.startswith("done: "):
            ways[line[6:]] = ways.get(line[6:], 0) + 1
    if code == 0:
        return Outcome(sum(ways.values()), ways)
    call = next((line for line in reversed(lines) if line.startswith("seed ")), f"seed {first}: nothing was said")
    step = lines[-1] if lines else ""
    repeat = [f"python tests/everyday.py --seed {call.split()[1].rstrip(':')}", *setting.arguments()]
    repeat += ["--most", f"{most:g}", "--cheap", f"{cheap:g}", "--flags", repr(flags)]
    ended = f"ended by signal {-code}" if code < 0 else f"exit status {code}"
    said = f"{call}\n  at: {step}; {ended}\n  repeat: {' '.join(repeat)}\n{err[-3000:]}"
    return Outcome(sum(ways.values()), ways, said)


def child(first: int, count: int, most: float, cheap: float, flags: tuple[str, ...]) -> None:
    """Each call is said before it is made."""
    import faulthandler

    from everyday_calls import draw
    from everyday_check import check

    faulthandler.enable()
    for seed in range(first, first + count):
        call = draw(seed, most, flags)
        print(call, flush=True)
        way = check(call, cheap, lambda step: print(f"  {step}", flush=True))
        print(f"done: {way}", flush=True)


def long(options: argparse.Namespace) -> int:
    """Until the time is over; two processes at once."""
    settings = [Setting(i, g) for i in options.isas for g in GUARDS]
    if options.sanitized:
        settings += [Setting(i, "", options.sanitized) for i in options.isas]
    end, failures, calls, ways = time.monotonic() + 60 * options.minutes, 0, 0, dict[str, int]()
    seed = options.first

    def turn(number: int) -> Outcome | None:
        if time.monotonic() > end:
            return None
        setting = settings[number % len(settings)]
        outcome = run(setting, seed + number * options.count, options.count, options.most, options.cheap, options.flags)
        print(f"{setting}: {outcome.calls} calls from seed {seed + number * options.count}", flush=True)
        return outcome

    with ThreadPoolExecutor(options.processes) as pool:
        number = 0
        while time.monotonic() < end:
            some = range(number, number + options.processes)
            for outcome in pool.map(turn, some):
                if outcome is None:
                    continue
                calls += outcome.calls
                for way, n in outcome.ways.items():
                    ways[way] = ways.get(way, 0) + n
                if outcome.failure:
                    failures += 1
                    print(f"FAILED {outcome.failure}", flush=True)
            number += options.processes
    print(f"{calls} calls, {failures} failures; compared with: {dict(sorted(ways.items()))}")
    return 1 if failures else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--first", type=int, default=1_000_000, help="the first call's number")
    parser.add_argument("--count", type=int, default=8, help="calls a process")
    parser.add_argument("--most", type=float, default=1e7, help="elements an array has at most")
    parser.add_argument("--cheap", type=float, default=3e7, help="elements that the reference may take")
    parser.add_argument("--flags", default="all", help="what is drawn besides: all, or some of packed,bools,…")
    parser.add_argument("--isas", type=lambda s: tuple(s.split(",")), default=ISAS)
    parser.add_argument("--sanitized", default="", help="a library built with -DANYPOOL_SANITIZE=ON")
    parser.add_argument("--seed", type=int, help="repeat this call alone, here with --isa and --guard")
    parser.add_argument("--isa", default="avx512")
    parser.add_argument("--guard", default="behind")
    parser.add_argument("--child", nargs=4, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        from everyday_calls import FLAGS

        flags = FLAGS if options.flags == "all" else tuple(filter(None, options.flags.split(",")))
        first, count, most, cheap = options.child
        child(int(first), int(count), float(most), float(cheap), flags)
        return 0
    if options.seed is not None:
        setting = Setting(options.isa, "" if options.guard == "none" else options.guard, options.sanitized)
        outcome = run(setting, options.seed, 1, options.most, options.cheap, options.flags)
        print(outcome.failure or f"call {options.seed} answers rightly: {outcome.ways}")
        return 1 if outcome.failure else 0
    return long(options)


if __name__ == "__main__":
    sys.exit(main())
