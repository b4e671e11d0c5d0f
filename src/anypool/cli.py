"""The command line: every command is a public function."""

from __future__ import annotations

import sys
from pathlib import Path

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
    for command in (check, explain, pool, bench, demo):
        app.command()(command)
    try:
        app()
    except (PoolingError, OSError, ImportError) as error:
        print(f"anypool: {error}", file=sys.stderr)
        raise SystemExit(2) from None


def list_all(markdown: bool = False, into: Path | None = None) -> None:
    """What exists: windows, reductions, backends; --markdown for tables, --into README.md to renew those of a file."""
    from .show import demo_tables

    if into is not None:
        print(f"{into}: {'made anew' if demo_tables.renew(into) else 'already what exists'}")
    elif markdown:
        print(f"{demo_tables.summary()}\n\n{demo_tables.reductions()}")
    else:
        import rich.console
        import rich.markdown

        for text in (demo_tables.summary(), demo_tables.reductions()):
            rich.console.Console().print(rich.markdown.Markdown(text))


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
    from .expressions import integers, reduction_from, windows_from
    from .files import read, write
    from .show.demo_parts import pool_in_parts

    if not windows:
        raise PoolingError("--windows is missing: such as --windows 'sliding((2, 2))'")
    x, image = read(source, key)
    given = integers(axes, "--axes") if axes else ((0, 1) if image else None)
    y = pool_in_parts(x, windows_from(windows), reduction_from(reduce), given)
    write(target, y, x.dtype if image else None)
    print(f"{source} {tuple(x.shape)} -> {target} {tuple(y.shape)}")


def bench(threads: int = 0) -> None:
    """A short list of calls beside torch (where installed) and a copy of the same bytes, in one run."""
    import rich.console

    from . import set_num_threads
    from .show.demo_speed import machine, speed_table, speeds

    if threads:
        set_num_threads(threads)
    console = rich.console.Console()
    console.print(speed_table(speeds(threads=threads)))
    console.print(f"{machine()}. Every case, with onnxruntime, OpenCV and SciPy: make bench in the source tree.")


def demo(out: Path = Path("anypool-demo")) -> None:
    """Pool a real photograph with every reduction and several windows; write one page with the pictures."""
    import rich.console

    from .show.demo import make_page
    from .show.demo_speed import speed_table

    rows, page = make_page(out)
    console = rich.console.Console()
    console.print(speed_table(rows))
    console.print(f"the page: {page}", soft_wrap=True)
