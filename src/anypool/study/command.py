"""`anypool study`: the command line of the study."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

from ..command_line import argument, option
from ..errors import PoolingError


def study(
    data: Annotated[
        str, argument(help="digits, canvas, places, an .npz, a folder of images by class, or module:function")
    ] = "digits",
    model: Annotated[str, option(help="small, allconv, encoder, or module:function")] = "small",
    pool: Annotated[
        list[str] | None,
        option(help='a variant, such as "median", "Lp(3)@sliding((3, 3), 2, 1)" or "pool1=max;pool2=mean"'),
    ] = None,
    windows: Annotated[
        list[str] | None, option(help='also test each --pool with these windows, such as "sliding((3, 3), 2, 1)"')
    ] = None,
    arms: Annotated[str, option(help="a JSON file of variants: {name: text or {layer: text}}")] = "",
    seeds: Annotated[int, option(help="number of seeds; five are one cross-validation")] = 5,
    budget: Annotated[int, option(help="epochs of each trial")] = 10,
    rate: Annotated[list[float] | None, option(help="a learning rate; each rate is tried for every variant")] = None,
    baseline: Annotated[str, option(help="the variant that the others are compared with")] = "max",
    search: Annotated[int, option(help="trials of a TPE search for a pooling of each layer")] = 0,
    threads: Annotated[int, option(help="threads of torch in a trial")] = 1,
    preset: Annotated[
        str,
        option(
            help="test a claim of the article instead: kernels, strided, noise, edges, cost, heads, shifts, "
            "league or all"
        ),
    ] = "",
    store: Annotated[
        str, option(help="the URL of a database that several machines share, instead of a file in --out")
    ] = "",
    out: Annotated[
        Path, option(help="the folder of the store and the report; the same command continues a study")
    ] = Path("anypool-study"),
) -> None:
    """Train a model with each pooling on the same seeds, and print which differences are
    significant.
    """
    missing = [n for n in ("torch", "scipy", "sklearn", "optuna", "jinja2", "matplotlib") if find_spec(n) is None]
    if missing:
        raise PoolingError(f"the study needs {', '.join(missing)}: pip install 'anypool[study]'")
    if preset:
        from .presets import run_presets

        print(run_presets(preset, out, seeds, budget, store=store))
        return
    from .running import RATE, run

    result = run(
        data,
        model,
        pool or [],
        seeds=seeds,
        budget=budget,
        out=out,
        windows=windows or [],
        arms=arms,
        rates=rate or (RATE,),
        baseline=baseline,
        search=search,
        store=store,
        threads=threads,
    )
    print(result)
    print(f"report: {out / 'report.html'}")
