"""run(): queue the trials of a study, train the missing ones, compare them, and write the files."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import PoolingError
from ..scalars import integer
from . import models, statistics
from .data import Data, data_of, load
from .results import write_rows, write_summary
from .store import Store, key_of, open_store, spelled
from .trial import Row, run_trial
from .variants import SPECIAL, Arm, apply, arms_from

RATE = 0.01


@dataclass(frozen=True)
class Study:
    """The result of a study; prints its table and verdict, and shows its report in a notebook."""

    name: str
    data: Data
    model: str
    arms: tuple[Arm, ...]
    baseline: str
    rows: list[Row]
    out: Path
    chosen: list[Row] = field(default_factory=list)
    threads: int = 1

    @property
    def summary(self) -> list[dict[str, Any]]:
        """One record for each arm."""
        return statistics.summary(self.rows, self.baseline)

    @property
    def verdict(self) -> str:
        """The verdict as text."""
        return statistics.verdict(self.chosen, self.baseline)

    def __str__(self) -> str:
        from .results import table

        return f"{table(self.summary)}\n{self.verdict}"

    def _repr_html_(self) -> str:
        from .report import section

        return section(self)


def run(
    data: Any = "digits",
    model: str = "small",
    pools: Iterable[Any] = (),
    *,
    seeds: int = 5,
    budget: int = 10,
    out: str | Path = "anypool-study",
    windows: Iterable[str] = (),
    arms: str = "",
    rates: Iterable[float] = (RATE,),
    baseline: str = "max",
    baselines: bool = True,
    search: int = 0,
    store: str = "",
    name: str = "study",
    label: str = "",
    threads: int = 1,
    report: bool = True,
    progress: bool = True,
) -> Study:
    """Train one model with each pooling, on equal folds, weights and batches, and test the
    differences.

    data: "digits", "canvas", "places", an .npz, a folder, "module:function" or an (x, y) pair.
    model: "small", "allconv", "encoder" or "module:function".
    pools: arms, such as "median" or "Lp(3)@sliding((3, 3), 2, 1)".
    baselines: whether max, mean, strided and none are added.
    windows: each pool without windows is also tested with each of these.
    seeds: the number of seeds, counted from 0; five are one cross-validation.
    budget: epochs of each trial.
    rates: learning rates; validation rows select the rate of each arm and seed.
    search: the number of trials of Optuna's TPE, which chooses a pooling for each site; the best
    combination becomes an arm.
    out: the folder of the store and the report; the same call continues a study.
    store: the URL of a database instead of the journal file.
    threads: of torch in a trial; one is fastest for small networks.
    name: of the study in its store and files. label: of its summary.
    Raises PoolingError.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     study = run(pools=["max"], seeds=1, budget=1, out=folder, baselines=False, progress=False)
    >>> [row.arm for row in study.rows]
    ['max']
    """
    dataset = data_of("given", *data) if isinstance(data, (tuple, list)) else load(str(data))
    for what, n in (("seeds", seeds), ("budget", budget), ("threads", threads)):
        integer(n, what, 1)
    tried = tuple(float(r) for r in rates)
    if not tried or not all(0 < rate < math.inf for rate in tried):
        raise PoolingError(f"rates={tried}: give finite positive learning rates")
    pools, over = list(pools), list(windows)
    texts = [p for p in pools if isinstance(p, str)]
    texts += [f"{p}@{w}" for p in texts for w in over if not any(c in p for c in "@=;+") and p not in SPECIAL]
    chosen = [p for p in pools if isinstance(p, Arm)] + arms_from(texts, arms, baselines)
    names = [a.name for a in chosen]
    if len(set(names)) < len(names):
        raise PoolingError(f"two arms are called {next(n for n in names if names.count(n) > 1)!r}")
    if baseline not in names:
        raise PoolingError(f"baseline {baseline!r}: the arms are {', '.join(names)}")
    check(dataset, model, chosen, baseline)
    folder = Path(out)
    storage = open_store(folder, store)
    setting = {"data": _fingerprint(dataset), "model": model, "budget": budget}
    trials = Store(storage, name, setting)
    if search:
        from .search import best_arm

        chosen.append(
            best_arm(
                storage, f"{name}: search", dataset, model, [a for a in chosen if not a.model], budget, search, tried[0]
            )
        )
    keys = [key_of(a, s, r) for s in range(seeds) for a in chosen for r in tried]
    with torch_threads(threads):
        work(
            trials,
            keys,
            {a.name: a for a in chosen},
            dataset,
            model,
            budget,
            progress,
            lambda: write_rows(folder, name, trials.rows()),
        )
    requested = {(k["arm"], k["choices"], k["seed"], k["rate"]) for k in keys}
    rows = [r for r in trials.rows() if (r.arm, r.choices, r.seed, r.rate) in requested]
    rows.sort(key=lambda r: (names.index(r.arm) if r.arm in names else len(names), r.seed, r.rate))
    if len(rows) < len(keys):
        print(f"{len(keys) - len(rows)} trials are still running in other processes", file=sys.stderr)
    study = Study(name, dataset, model, tuple(chosen), baseline, rows, folder, statistics.best_rates(rows), threads)
    write_rows(folder, name, trials.rows())
    write_summary(folder, label or name, study.summary)
    if report:
        from .report import write_report

        write_report(folder, [study])
    return study


@contextmanager
def torch_threads(n: int) -> Generator[None]:
    """Run the block with n threads of torch, then restore their number."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(n)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def check(data: Data, model: str, arms: list[Arm], baseline: str) -> None:
    """Raise PoolingError before the training if the model, its sites or the baseline do not fit."""
    import torch

    net = models.build(model, data, 0)
    models.check(net, data)
    x = torch.from_numpy(data.x[:2])
    for arm in arms:
        if not arm.model:
            try:
                models.check(apply(models.build(model, data, 0), arm, x), data)
            except PoolingError:
                if arm.name == baseline or arm.name not in ("strided", "none", "mean", "max"):
                    raise


def work(
    store: Store,
    keys: list[dict[str, Any]],
    arms: dict[str, Arm],
    data: Data,
    model: str,
    budget: int,
    progress: bool,
    after: Callable[[], None],
) -> None:
    """Train the queued trials one after another; several processes may share them."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    left = store.plan(keys)
    requested = {spelled(k) for k in keys}
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(file=sys.stderr), disable=not progress) as bar:
        task = bar.add_task("trials", total=len(keys), completed=len(keys) - left)
        while (trial := store.next(requested)) is not None:
            at = trial.user_attrs
            bar.update(task, description=f"{at['arm']}, seed {at['seed']}")
            try:
                row = run_trial(
                    data, model, arms[at["arm"]], at["seed"], at["rate"], budget, lambda t=trial: store.beat(t)
                )
            except BaseException:
                store.release(trial)
                after()
                raise
            store.record(trial, row)
            after()
            bar.update(task, advance=1)


def _fingerprint(data: Data) -> str:
    """The name, shape and checksum of the data: another file with the same name is another
    study.
    """
    import zlib

    return f"{data.name} {data.x.shape} {zlib.crc32(data.y.tobytes(), zlib.crc32(data.x.tobytes())):08x}"
