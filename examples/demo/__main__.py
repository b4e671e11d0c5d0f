"""`python -m examples.demo`: write the page, and print the times and where the page is."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from anypool.cli.quick_bench import speed_table
from anypool.errors import PoolingError

from .page import make_page


def main(words: Sequence[str] | None = None) -> None:
    """Run the demo; errors are one sentence and exit status 2."""
    parser = argparse.ArgumentParser(
        prog="python -m examples.demo",
        description="Pool a photograph with every reduction and several windows; write one page with the pictures.",
    )
    parser.add_argument("--out", type=Path, default=Path("anypool-demo"), help="the folder of the page")
    try:
        rows, page = make_page(parser.parse_args(words).out)
    except (PoolingError, OSError, ImportError, MemoryError) as error:
        print(f"demo: {error}", file=sys.stderr)
        raise SystemExit(2) from None
    console = Console()
    console.print(speed_table(rows))
    console.print(f"the page: {page}", soft_wrap=True)


if __name__ == "__main__":
    main()
