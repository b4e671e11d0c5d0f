"""The demo: a real photograph pooled by every reduction and several windows, on one self-contained page."""

from __future__ import annotations

import base64
import io
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from .. import windows as kinds
from ..api import pool
from ..reductions import REDUCTIONS, Lp, PowerMean

PAGE = """<!doctype html><meta charset="utf-8"><title>anypool demo</title>
<style>body{font:15px/1.5 system-ui,sans-serif;max-width:1100px;margin:2em auto;padding:0 1em;color:#222}
h1,h2{font-weight:600}.row{display:flex;flex-wrap:wrap;gap:14px}figure{margin:0}figcaption{font-size:13px;color:#555;max-width:250px}
img{image-rendering:pixelated;border:1px solid #ddd;max-width:100%}table{border-collapse:collapse}td,th{padding:3px 12px;border-bottom:1px solid #eee;text-align:right}
td:first-child,th:first-child{text-align:left}</style>
<h1>anypool: any window × any reduction</h1>
<p>A photograph ({{ shape }}), its result by every reduction over 8×8 windows, then one reduction over several windows.</p>
<figure><img src="{{ before }}" alt="the photograph"><figcaption>before</figcaption></figure>
{% for title, pictures in sections %}<h2>{{ title }}</h2><div class="row">
{% for caption, picture, width in pictures %}<figure><img src="{{ picture }}" width="{{ width }}" alt="{{ caption }}"><figcaption>{{ caption }}</figcaption></figure>
{% endfor %}</div>{% endfor %}
<h2>One window, by hand</h2><p>{{ arithmetic }}</p>
<h2>Speed, this machine, this run</h2><table><tr><th>call</th><th>anypool ms</th><th>torch ms</th><th>copy ms</th></tr>
{% for row in rows %}<tr>{% for cell in row %}<td>{{ cell }}</td>{% endfor %}</tr>{% endfor %}</table>
"""


def make_page(out: Path) -> tuple[list[tuple[str, ...]], Path]:
    """Write the page under `out`; returns the speed rows and the page's path."""
    import jinja2
    from sklearn.datasets import load_sample_images

    photo = np.asarray(load_sample_images().images[0])
    gray = photo.astype(np.float32).mean(-1) / 255
    by_reduction = [(n, _scaled(pool(gray, kinds.sliding((8, 8)), n, ties="first")), 160) for n in REDUCTIONS]
    by_reduction += [(str(r), _scaled(pool(gray, kinds.sliding((8, 8)), r)), 160) for r in (Lp(3), PowerMean(3.0))]
    choices: list[tuple[str, Any]] = [
        ("sliding((2, 2))", kinds.sliding((2, 2))),
        ("sliding((3, 3), 2, 1): overlapping", kinds.sliding((3, 3), 2, 1)),
        ("sliding((7, 7), 1, 'same', border='reflect')", kinds.sliding((7, 7), 1, "same", border="reflect")),
        ("sliding((3, 3), 1, dilation=4)", kinds.sliding((3, 3), 1, 0, 4)),
        ("adaptive((9, 13))", kinds.adaptive((9, 13))),
        ("adaptive((1, None)): a strip", kinds.adaptive((1, None))),
    ]
    by_window = [(f"max · {n}", _png(pool(photo, w, "max", axes=(0, 1))), 250) for n, w in choices]
    block = gray[:2, :2]
    arithmetic = f"mean of {block.round(3).ravel().tolist()} = {block.mean():.4f}; anypool says {pool(gray, kinds.sliding((2, 2)))[0, 0]:.4f}"
    rows = speed()
    page = (
        jinja2.Environment(autoescape=True)
        .from_string(PAGE)
        .render(
            shape="×".join(map(str, photo.shape)),
            before=_png(photo),
            sections=[("Every reduction, 8×8 windows", by_reduction), ("Max over several windows", by_window)],
            arithmetic=arithmetic,
            rows=rows,
        )
    )
    out.mkdir(parents=True, exist_ok=True)
    target = out / "index.html"
    handle, name = tempfile.mkstemp(suffix=".html", dir=out)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(page)
    os.replace(name, target)
    return rows, target


def speed() -> list[tuple[str, ...]]:
    """Best of three for several calls, torch's own and a copy of the same bytes beside them."""
    import torch

    x = torch.randn(8, 64, 112, 112)
    rows: list[tuple[str, ...]] = []
    for size, stride, padding in [(2, 2, 0), (3, 2, 1), (3, 1, 1), (7, 1, 3)]:
        windows = kinds.sliding((size, size), stride, padding)
        for name, theirs in (("max", torch.nn.functional.max_pool2d), ("mean", torch.nn.functional.avg_pool2d)):
            y = pool(x, windows, name)
            ours = _best(lambda w=windows, n=name, o=y: pool(x, w, n, out=o))
            torchs = _best(lambda f=theirs, k=size, s=stride, p=padding: f(x, k, s, p))
            half = y.numel() / x.numel()
            copy = _best(lambda: x.clone()) * (1 + half) / 2
            rows.append((f"{name} {size}×{size}/{stride}", f"{ours:.2f}", f"{torchs:.2f}", f"{copy:.2f}"))
    return rows


def _best(call: Callable[[], Any]) -> float:
    times: list[float] = []
    for _ in range(3):
        begin = time.perf_counter()
        call()
        times.append(time.perf_counter() - begin)
    return min(times) * 1e3


def _scaled(y: Any) -> str:
    y = np.asarray(y, np.float64)
    low, high = float(y.min()), float(y.max())
    return _png(np.uint8((y - low) / (high - low or 1) * 255))


def _png(pixels: Any) -> str:
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(buffer, format="PNG")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()
