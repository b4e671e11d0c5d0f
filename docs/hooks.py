"""MkDocs hook: draw the figures, and generate tables from the registries and the results."""

from __future__ import annotations

import json
import runpy
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
GRADIENTS = {
    "sum": "wᵢ",
    "mean": "wᵢ / n",
    "max": "1 at the maximum that wins the tie, else 0",
    "min": "1 at the minimum that wins the tie, else 0",
    "prod": "the product of the others",
    "range": "1 at the maximum, −1 at the minimum",
    "rms": "wᵢ xᵢ / (n y)",
    "var": "2 wᵢ (xᵢ − mean) / n",
    "std": "wᵢ (xᵢ − mean) / (n y); 0 where y is 0",
    "logsumexp": "wᵢ e^{xᵢ − y}",
    "first": "1 at the first element, else 0",
    "last": "1 at the last element, else 0",
    "softpool": "pᵢ (1 + β (xᵢ − y)), p the softmax weights",
    "Lp": "sign(xᵢ) (|xᵢ| / y)^{p−1}; finite at 0",
    "PowerMean": "(xᵢ / y)^{p−1} / n",
    "LogSumExp": "wᵢ e^{r (xᵢ − y)}",
    "LogMeanExp": "wᵢ e^{r (xᵢ − y)} / n",
    "SoftPool": "pᵢ (1 + β (xᵢ − y))",
    "Var": "2 (xᵢ − mean) / (n − ddof)",
    "Std": "(xᵢ − mean) / ((n − ddof) y)",
    "argmedian": "none: an index is not differentiable",
    "Place": "none: an index is not differentiable",
    "mode": "1 at the selected element",
    "Mode": "1 at the selected element",
    "Ordinal": "vᵣ at rank r; to v the sorted elements",
}
STATUS = {"yes": "as expected", "no": "not as expected", "open": "open"}


def on_pre_build(config: Any) -> None:
    """Draw the figures of the pages."""
    runpy.run_path(str(HERE / "draw_figures.py"))["draw_all"](HERE / "figures")


def on_page_markdown(markdown: str, page: Any, config: Any, files: Any) -> str:
    """Replace each placeholder by its table."""
    for name, make in TABLES.items():
        marker = f"<!-- {name} -->"
        if marker in markdown:
            markdown = markdown.replace(marker, make())
    return markdown


def on_files(files: Any, config: Any) -> Any:
    """Add the figures, which were drawn after MkDocs read the folder."""
    from mkdocs.structure.files import File

    for path in sorted((HERE / "figures").glob("*.svg")):
        if files.get_file_from_path(f"figures/{path.name}") is None:
            files.append(File(f"figures/{path.name}", config["docs_dir"], config["site_dir"], False))
    return files


def reductions() -> str:
    """Every reduction: formula, gradient, value of an empty window, source."""
    from anypool.order_statistics import ORDERS, PARAMETRIC_ORDERS, Order
    from anypool.reductions import PARAMETRIC, REDUCTIONS

    rows = ["| reduction | formula | gradient ∂y/∂xᵢ | empty window | source |", "|---|---|---|---|---|"]
    kinds = [(f'`"{n}"`', n, type(make())) for n, make in {**REDUCTIONS, **ORDERS}.items()]
    kinds += [(f"`ap.{n}(…)`", n, kind) for n, kind in {**PARAMETRIC, **PARAMETRIC_ORDERS}.items()]
    for shown, name, kind in kinds:
        empty = "raises" if kind.empty is None else f"{kind.empty:g}"
        formula = str(kind.formula).replace("|", "\\|")
        shared = "at the selected elements" if issubclass(kind, Order) else "by the share of each element"
        smooth = issubclass(kind, Order) or getattr(kind, "local_gradient", None)
        gradient = GRADIENTS.get(name, shared if smooth else "none: not differentiable")
        rows.append(
            f"| {shown} | {formula} | {gradient.replace('|', chr(92) + '|')} | {empty} | {kind.source or 'textbook'} |"
        )
    return "\n".join(rows)


def claims() -> str:
    """The claims and what the studies measured."""
    rows = ["| claim | expected before the run | measured | result |", "|---|---|---|---|"]
    for record in json.loads((HERE / "results" / "claims.json").read_text(encoding="utf-8")):
        rows.append(f"| {record['claim']} | {record['expected']} | {record['seen']} | {STATUS[record['status']]} |")
    return "\n".join(rows)


def league() -> str:
    """The variants of the digits study, best first."""
    records = json.loads((HERE / "results" / "all-statistics-summary.json").read_text(encoding="utf-8"))
    rows = [
        "| variant | accuracy % | under Gaussian noise | under salt and pepper | same after a shift | FLOPs | verdict |",
        "|---|---|---|---|---|---|---|",
    ]
    for r in sorted(records, key=lambda r: -(r["accuracy"] or 0)):
        shares = [
            f"{r[m] * 100:.1f} ± {(r[m + '_interval'] or 0) * 100:.1f}"
            for m in ("accuracy", "accuracy_gaussian", "accuracy_salt", "shift_consistency")
        ]
        rows.append(f"| {r['arm']} | {' | '.join(shares)} | {r['flops']:,.0f} | {r['verdict']} |")
    return "\n".join(rows)


def run() -> str:
    """The command and the machine of the published run."""
    return "    " + (HERE / "results" / "run.txt").read_text(encoding="utf-8").strip().replace("\n", "\n    ")


def compiled() -> str:
    """The reductions that are compiled for each window kind, with masks and with weights."""
    import numpy as np

    import anypool as ap
    from anypool.order_statistics import ORDERS
    from anypool.reductions import REDUCTIONS

    x = np.ones((1, 2, 12, 12), np.float32)
    rows = [[0, 1.0, 1.0, 9.0, 9.0]]
    windows: dict[str, Any] = {
        "sliding": ap.sliding((3, 3)),
        "real-valued sliding": ap.sliding((2.5, 2.5)),
        "adaptive, pyramid": ap.adaptive((5, 5)),
        "fractional": ap.fractional((9, 9), seed=0),
        "groups": ap.groups(np.arange(144).reshape(12, 12) % 7),
        "regions": ap.regions(2),
        **{f"boxes, {r}": ap.boxes(rows, 3, reading=r) for r in ("quantised", "sampled", "exact")},
    }
    parametric: dict[str, Any] = {
        "Lp": ap.Lp(3), "PowerMean": ap.PowerMean(3.0), "LogMeanExp": ap.LogMeanExp(1.0), "Quantile": ap.Quantile(0.9),
        "Rank": ap.Rank(0), "TrimmedMean": ap.TrimmedMean(0.1, 0.1), "TopKMean": ap.TopKMean(1), "KMax": ap.KMax(1),
    }  # fmt: skip
    tried = {**{name: name for name in (*REDUCTIONS, *ORDERS)}, **parametric}
    weights = {"plain": None, "masks": x > 0, "weights": x}
    rows_of = ["| windows | no weights | masks | weights |", "|---|---|---|---|"]
    for kind, where in windows.items():
        cells: list[str] = []
        for w in weights.values():
            yes = [n for n, r in tried.items() if ap.explain(x, where, r, weights=w).backend == "cpu"]
            no = [f"`{n}`" for n in tried if n not in yes]
            short = f"all but {', '.join(no)}" if len(no) < len(yes) else ", ".join(f"`{n}`" for n in yes)
            cells.append(("all" if not no else short) or "none")
        rows_of.append(f"| {kind} | {' | '.join(cells)} |")
    return "\n".join(rows_of)


TABLES = {"reductions": reductions, "compiled": compiled, "claims": claims, "league": league, "run": run}
