"""The command line: every command is a public function."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from .cli_study import study
from .errors import PoolingError


def main() -> None:
    """Run the command line; errors are one sentence and exit status 2."""
    try:
        import typer
    except ImportError:
        print("the command line needs its extra: pip install 'anypool[cli]'", file=sys.stderr)
        raise SystemExit(2) from None
    app = typer.Typer(
        add_completion=False, no_args_is_help=True, help="Pooling: any window × any reduction × any array."
    )
    app.command(name="list")(list_all)
    for command in (check, explain, pool, demo, study):
        app.command()(command)
    try:
        app()
    except (PoolingError, OSError, ImportError) as error:
        print(f"anypool: {error}", file=sys.stderr)
        raise SystemExit(2) from None


def list_all() -> None:
    """What exists: windows, reductions, backends."""
    import rich.console
    import rich.table

    from .choose import BACKENDS, short_name
    from .reductions import PARAMETRIC, REDUCTIONS

    console = rich.console.Console()
    table = rich.table.Table("reduction", "formula", "of nothing", "source", title="reductions")
    for name, make in REDUCTIONS.items():
        r: Any = make()
        table.add_row(name, r.formula, str(r.empty), r.source)
    for name, kind in PARAMETRIC.items():
        table.add_row(f"ap.{name}(…)", kind.formula, str(kind.empty), kind.source)
    console.print(table)
    console.print("windows: sliding, adaptive, whole, segments, segments(…).sliding")
    console.print("backends: " + ", ".join(short_name(b) for b in BACKENDS))


def check() -> None:
    """What is active, and why not, for every backend."""
    import platform

    import numpy as np

    from . import __version__
    from .backends import cpu

    print(f"anypool {__version__}, Python {platform.python_version()}, NumPy {np.__version__}, {platform.machine()}")
    for line in cpu.status():
        print(line)
    print("reference: active, serves everything")


def explain(
    shape: str = "",
    windows: str = "",
    reduce: str = "mean",
    axes: str = "",
    dtype: str = "float32",
) -> None:
    """The plan for a shape (--shape 16,64,112,112) and a call (--windows 'sliding((3, 3))'); nothing is computed."""
    import numpy as np

    from .api import explain as say
    from .expressions import integers, reduction_from, windows_from

    if not shape or not windows:
        raise PoolingError("give --shape, such as 16,64,112,112, and --windows, such as 'sliding((3, 3), stride=2)'")
    lengths = integers(shape, "--shape")
    x = np.broadcast_to(np.zeros((), dtype), lengths)
    print(say(x, windows_from(windows), reduction_from(reduce), axes=integers(axes, "--axes") if axes else None))


def pool(source: Path, target: Path, windows: str = "", reduce: str = "mean", axes: str = "", key: str = "") -> None:
    """Pool an image (PNG, JPEG, TIFF), .npy or .npz; TARGET is written whole or not at all."""
    from .api import pool as run
    from .expressions import integers, reduction_from, windows_from
    from .files import read, write

    if not windows:
        raise PoolingError("--windows is missing: such as --windows 'sliding((2, 2))'")
    x, image = read(source, key)
    given = integers(axes, "--axes") if axes else ((0, 1) if image else None)
    y = run(x, windows_from(windows), reduction_from(reduce), axes=given)
    write(target, y, x.dtype if image else None)
    print(f"{source} {tuple(x.shape)} -> {target} {tuple(y.shape)}")


def demo(out: Path = Path("anypool-demo")) -> None:
    """Pool a real photograph with every reduction and several windows; write one page with the pictures."""
    import rich.console
    import rich.table

    from .show.demo import make_page

    rows, page = make_page(out)
    console = rich.console.Console()
    table = rich.table.Table("call", "ms", "torch ms", "copy ms", title="speed on 8×64×112×112 float32")
    for row in rows:
        table.add_row(*row)
    console.print(table)
    console.print(f"the page: {page}")
