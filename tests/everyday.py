"""Run random calls of everyday sizes; `python tests/everyday.py --help` lists the options."""

from __future__ import annotations

import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).parent / "oracles")
    from everyday_runs import main

    sys.exit(main())
