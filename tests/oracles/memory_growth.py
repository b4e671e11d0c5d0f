"""By how much a process grows while it works."""

import json
import subprocess
import sys
import textwrap

import pytest

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")


def grown(code: str) -> float:
    """By how many megabytes a process grew at most while `work()` ran, which `code` defines."""
    script = textwrap.dedent(code) + textwrap.dedent("""
        import json
        def status(key):
            return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith(key)) / 1024
        ap.pool(np.ones(10, x.dtype), ap.whole(), "max", axes=0)
        open("/proc/self/clear_refs", "w").write("5")
        before = status("VmRSS")
        work()
        print(json.dumps(status("VmHWM") - before))
    """)
    made = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=300)
    return json.loads(made.stdout.splitlines()[-1])
