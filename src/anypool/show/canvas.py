"""Figures of Matplotlib without a display: one style; SVG text, PNG bytes and files."""

from __future__ import annotations

import base64
import functools
import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from ..atomic_write import write_bytes
from ..errors import PoolingError

INK, PALE, GRID = "#1f2933", "#7b8794", "#e4e7eb"
COLOURS = ("#2563a8", "#d97706", "#15803d", "#b4247a", "#6d4fc4", "#0e7490", "#9a3412", "#52606d")
STYLE: Any = {
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "axes.edgecolor": PALE,
    "axes.labelcolor": INK,
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "legend.frameon": False,
    "figure.facecolor": "white",
    "svg.hashsalt": "anypool",
}
P = ParamSpec("P")
T = TypeVar("T")
KINDS = (".png", ".svg", ".html")


def figure(width: float, height: float, rows: int = 1, columns: int = 1, **options: Any) -> tuple[Any, Any]:
    """A figure of this size in inches and its axes, in our style, without pyplot's global state."""
    try:
        import matplotlib
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        raise PoolingError("pictures need their extra: pip install 'anypool[show]'") from None
    with matplotlib.rc_context(STYLE):
        fig = Figure(figsize=(width, height), layout="constrained")
        FigureCanvasAgg(fig)
        axes = fig.subplots(rows, columns, **options)
    return fig, axes


def styled(draw: Callable[P, T]) -> Callable[P, T]:
    """A drawing function that uses our style."""

    @functools.wraps(draw)
    def drawn(*args: P.args, **options: P.kwargs) -> T:
        try:
            import matplotlib
        except ImportError:
            raise PoolingError("pictures need their extra: pip install 'anypool[show]'") from None
        with matplotlib.rc_context(STYLE):
            return draw(*args, **options)

    return drawn


def saved(fig: Any, form: str) -> bytes:
    """The figure as bytes of a format; equal figures give equal bytes."""
    import matplotlib

    buffer = io.BytesIO()
    with matplotlib.rc_context(STYLE):
        fig.savefig(buffer, format=form, dpi=150, metadata={"Date": None} if form == "svg" else None)
    return buffer.getvalue()


def svg(fig: Any) -> str:
    """The svg element of the figure for an HTML page, without metadata and XML namespaces."""
    text = saved(fig, "svg").decode()
    plain = re.sub(r"<metadata>.*?</metadata>", "", text[text.index("<svg") :], flags=re.DOTALL)
    return re.sub(r' xmlns(:\w+)?="[^"]*"', "", plain)


def page(title: str, body: str) -> str:
    """An HTML page without external resources."""
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>'
        "<style>body{font:15px/1.5 system-ui,sans-serif;max-width:1100px;margin:2em auto;padding:0 1em;color:#1f2933}"
        f"svg,img{{max-width:100%;height:auto}}</style>{body}</html>"
    )


def write(fig: Any, path: str | Path, title: str = "anypool") -> Path:
    """Write the figure as PNG, SVG or HTML, by the suffix of the path; the file is replaced as a
    whole.
    """
    target = Path(path)
    kind = target.suffix.lower()
    if kind not in KINDS:
        raise PoolingError(f"{target}: use {', '.join(KINDS)}")
    write_bytes(target, page(title, svg(fig)).encode() if kind == ".html" else saved(fig, kind[1:]))
    return target


def embedded(png: bytes) -> str:
    """PNG bytes as a data URL."""
    return "data:image/png;base64," + base64.b64encode(png).decode()
