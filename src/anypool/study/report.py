"""The report: one HTML file with verdicts, tables and plots, and without external resources."""

from __future__ import annotations

import datetime
import os
import platform
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..atomic_write import write_text
from ..errors import PoolingError
from ..version import VERSION
from . import pictures
from .results import HEAD, cells

if TYPE_CHECKING:
    from .running import Study

PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>{{ title }}</title>
<meta name="viewport" content="width=device-width">
<style>body{font:15px/1.5 system-ui,sans-serif;max-width:1120px;margin:2em auto;padding:0 1em;color:#1f2933}
h1,h2,h3{font-weight:600}h2{border-top:1px solid #cbd2d9;padding-top:1em;margin-top:2em}
svg{max-width:100%;height:auto}figure{margin:1em 0;overflow-x:auto}.wide{overflow-x:auto}
table{border-collapse:collapse;font-size:13px}td,th{padding:3px 10px;border-bottom:1px solid #e4e7eb;text-align:right;white-space:nowrap}
td:first-child,th:first-child{text-align:left}th.words,td.words{text-align:left;white-space:normal;min-width:20em}
.verdict{background:#f5f7fa;border-left:4px solid #2563a8;padding:.6em 1em}.small{color:#52606d;font-size:13px}
.yes{border-color:#15803d}.no{border-color:#b4247a}.open{border-color:#7b8794}</style>
<h1>{{ title }}</h1>
<p class="small">{{ machine }}</p>
{% if claims %}<h2>Claims and results</h2><div class="wide"><table><tr><th class="words">claim</th><th class="words">expected before the run</th><th class="words">result</th></tr>
{% for c in claims %}<tr><td class="words">{{ c.title }}</td><td class="words">{{ c.expected }}</td><td class="words">{{ c.result }}</td></tr>{% endfor %}</table></div>{% endif %}
{% for part in parts %}{{ part|safe }}{% endfor %}
<h2>How to read this</h2>
<p class="small">An arm is one choice of pooling. For a seed, every arm has the same initial weights, batches and folds.
An interval is the 95 % interval of the mean over seeds: Student's t, with the variance corrected for folds that share
training rows (Nadeau and Bengio 2003). Differences are paired by seed. Their p-values are corrected by Holm for the
number of arms. ms: forward time of a batch of 64 on this machine. train ms: forward and backward. KB: activations that
autograd saves for one image. FLOPs: of one image; an addition and a multiplication are two. Gaussian: accuracy under
noise of half the data's standard deviation. salt: accuracy with a tenth of the pixels black or white. shift: the
fraction of images that keep their class after a shift of one pixel.</p></html>"""

SECTION = """<h2>{{ title }}</h2>
{% if intro %}<p>{{ intro }}</p>{% endif %}
<p class="verdict">{{ study.verdict }}</p>
<p class="small">{{ study.data.name }}: {{ study.data.x.shape[0] }} images of {{ shape }}, {{ study.data.classes|length }} classes; model {{ study.model }}; {{ trials }} trials, torch threads in each: {{ study.threads }}.</p>
<div class="wide"><table><tr>{% for c in head %}<th>{{ c }}</th>{% endfor %}</tr>
{% for row in table %}<tr>{% for c in row %}<td>{{ c }}</td>{% endfor %}</tr>{% endfor %}</table></div>
<div class="wide"><table><tr><th>arm</th><th class="words">pooling</th><th class="words">verdict</th></tr>
{% for r in summary %}<tr><td>{{ r.arm }}</td><td class="words">{{ r.choices }}</td><td class="words">{{ r.verdict }}</td></tr>{% endfor %}</table></div>
{% for title, picture in plots %}<figure aria-label="{{ title }}">{{ picture|safe }}</figure>{% endfor %}"""


def section(study: Study, intro: str = "", metrics: Sequence[str] = ("accuracy",), title: str = "") -> str:
    """The section of one study."""
    from ..show.canvas import svg

    records: list[dict[str, Any]] = study.summary
    plots: list[tuple[str, str]] = []
    if study.chosen:
        drawings = [(m, pictures.intervals(study, m)) for m in metrics]
        drawings += [
            ("cost", pictures.against_cost(study)),
            ("curves", pictures.curves(study)),
            ("images", pictures.first_poolings(study)),
        ]
        plots = [(t, svg(f)) for t, f in drawings if f is not None]
    shape = " × ".join(map(str, study.data.x.shape[1:]))
    return _render(
        SECTION,
        study=study,
        intro=intro,
        title=title or study.data.name,
        shape=shape,
        trials=len(study.rows),
        head=HEAD,
        table=[cells(r) for r in records],
        summary=records,
        plots=plots,
    )


def write_report(
    out: Path,
    studies: Sequence[Study],
    claims: Sequence[Any] = (),
    intros: Sequence[str] = (),
    extra: Sequence[str] = (),
    metrics: Any = None,
    titles: Sequence[str] = (),
) -> Path:
    """Write report.html into `out`."""
    parts = [
        section(s, intros[i] if intros else "", metrics[i] if metrics else ("accuracy",), titles[i] if titles else "")
        for i, s in enumerate(studies)
    ]
    title = "Which pooling? " + (", ".join(dict.fromkeys(s.data.name for s in studies)) or "costs")
    target = out / "report.html"
    write_text(target, _render(PAGE, title=title, machine=machine(), parts=[*parts, *extra], claims=claims))
    return target


def machine() -> str:
    """The date, the versions and the machine of the measurements."""
    import numpy
    import torch

    day = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC")
    return (
        f"{day}; anypool {VERSION}, torch {torch.__version__}, NumPy {numpy.__version__}, Python {platform.python_version()}; "
        f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    )


def _render(text: str, **values: Any) -> str:
    try:
        import jinja2
    except ImportError:
        raise PoolingError("the report needs its extra: pip install 'anypool[study]'") from None
    return jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined).from_string(text).render(**values)
