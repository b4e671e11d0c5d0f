"""The commands of `anypool`; every command is a public function."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

from ..command_line import argument, option
from ..errors import PoolingError
from ..files.command import pool
from ..study.command import study
from ..version import VERSION


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

    @app.callback()
    def every(
        version: Annotated[
            bool, option("--version", callback=_version, is_eager=True, help="print the version and exit")
        ] = False,
    ) -> None:
        del version

    app.command(name="list")(list_all)
    for command in (check, explain, pool, bench, study):
        app.command()(command)
    try:
        app()
    except (PoolingError, OSError, ImportError, MemoryError) as error:
        print(f"anypool: {error}", file=sys.stderr)
        raise SystemExit(2) from None


def _version(requested: bool) -> None:
    if requested:
        print(f"anypool {VERSION}")
        raise SystemExit


def list_all(
    markdown: Annotated[bool, option("--markdown", help="print Markdown tables")] = False,
    into: Annotated[Path | None, option(help="update the tables of this file")] = None,
) -> None:
    """List the windows, reductions and backends."""
    from . import registry_tables

    if into is not None:
        print(f"{into}: {'updated' if registry_tables.update(into) else 'already up to date'}")
    elif markdown:
        print(f"{registry_tables.summary()}\n\n{registry_tables.reductions()}")
    else:
        import rich.console
        import rich.markdown

        for text in (registry_tables.summary(), registry_tables.reductions()):
            rich.console.Console().print(rich.markdown.Markdown(text))


def check() -> None:
    """Print for each backend whether it is active, and if not, why."""
    import platform

    import numpy as np

    from ..engines.folds import native as cpu

    print(f"anypool {VERSION}, Python {platform.python_version()}, NumPy {np.__version__}, {platform.machine()}")
    for line in cpu.status():
        print(line)
    print("reference: active, computes everything")


def explain(
    source: Annotated[
        Path | None, argument(help="an image, .npy or .npz; its numbers are part of the explanation")
    ] = None,
    shape: Annotated[str, option(help="the shape of an array instead of a file, such as 16,64,112,112")] = "",
    windows: Annotated[str, option(help="the windows, such as 'sliding((3, 3), stride=2)'")] = "",
    reduce: Annotated[str, option(help="the reduction, such as max or 'Lp(3)'")] = "mean",
    axes: Annotated[str, option(help="the pooled axes: numbers, or letters of the axes of an image")] = "",
    dtype: Annotated[str, option(help="the element type of --shape")] = "float32",
    key: Annotated[str, option(help="the array of an .npz, or the image of a TIFF")] = "",
    window: Annotated[str, option(help="the window whose arithmetic is printed, such as 1,2")] = "",
    out: Annotated[Path | None, option(help="draw the call into this file: .png, .svg or .html")] = None,
) -> None:
    """Explain a call: its plan, and for an image or array the arithmetic of a window and, with
    --out, a picture.
    """
    import numpy as np

    from ..explanation import explain as say
    from ..expressions import integers, reduction_from, windows_from

    if not windows or not (shape or source):
        raise PoolingError(
            "give an image, an array or --shape 16,64,112,112, and --windows 'sliding((3, 3), stride=2)'"
        )
    if out is not None and source is None:
        raise PoolingError("--out draws an image or an array: name one")
    raster = None
    if source is None:
        at = integers(axes, "--axes") if axes else None
        try:
            x: Any = np.broadcast_to(np.zeros((), dtype), integers(shape, "--shape"))
        except (TypeError, ValueError) as error:
            if isinstance(error, PoolingError):
                raise
            raise PoolingError(f"--shape {shape} --dtype {dtype}: no array has this form ({error})") from None
    else:
        from ..files import read

        raster = read(source, key).coloured()
        x, at = raster.x, raster.pooled_axes(axes)
    print(say(x, windows_from(windows), reduction_from(reduce), axes=at))
    if raster is not None:
        from ..show.picture import show

        chosen = integers(window, "--window") if window else None
        image, of_it = raster.drawn(at)
        picture = show(image, windows_from(windows), reduction_from(reduce), axes=of_it, window=chosen)
        print(picture)
        if out is not None:
            print(f"picture: {picture.save(out)}")


def bench(threads: Annotated[int, option(help="number of threads; 0: the default")] = 0) -> None:
    """Compare the times of a few calls with torch, if it is installed, and with a copy of the same
    bytes.
    """
    import rich.console

    from ..engines.folds.native import set_num_threads
    from ..timing import machine
    from .quick_bench import speed_table, speeds

    if threads:
        set_num_threads(threads)
    console = rich.console.Console()
    console.print(speed_table(speeds(threads=threads)))
    console.print(
        f"{machine()}. `make bench` in the source tree runs all cases, also with onnxruntime, OpenCV and SciPy."
    )
