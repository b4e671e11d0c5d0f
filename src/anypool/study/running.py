"""run(): the whole study: plan, train what is missing, compare, write."""

from __future__ import annotations

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
    """What a study found; prints as its table and verdict, shows as its page in a notebook."""

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
        """One record an arm."""
        return statistics.summary(self.rows, self.baseline)

    @property
    def verdict(self) -> str:
        """In words."""
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
    """Train one model with each pooling, on the same folds, weights and batches, and say which differences are real.

    data: "digits", "canvas", "places", an .npz, a folder, "module:function" or an (x, y) pair. model: "small",
    "allconv", "encoder" or "module:function". pools: arms such as "median" or "Lp(3)@sliding((3, 3), 2, 1)"; max, mean,
    strided and none are always there unless baselines=False. windows: each pool that names none also stands over each of these. seeds: how many, from 0; five make one cross-validation.
    budget: epochs a trial. rates: learning rates tried for every arm alike, chosen on validation rows. search: so many
    trials of Optuna's TPE over the arms' poolings by site; the best becomes an arm. out: the folder of the store and the
    report; the same call again resumes. store: a database URL instead of the journal file. threads:
    of torch in a trial (one is quickest for small networks, and others may work on the same study). name: of the
    study in its store and files. label: of its summary. Raises PoolingError.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     found = run(pools=["max"], seeds=1, budget=1, out=folder, baselines=False, progress=False)
    >>> [row.arm for row in found.rows]
    ['max']
    """
    held = data_of("given", *data) if isinstance(data, (tuple, list)) else load(str(data))
    for what, n in (("seeds", seeds), ("budget", budget), ("threads", threads)):
        integer(n, what, 1)
    tried = tuple(float(r) for r in rates)
    if not tried or min(tried) <= 0:
        raise PoolingError(f"rates={tried}: give positive learning rates")
    pools, over = list(pools), list(windows)
    texts = [p for p in pools if isinstance(p, str)]
    texts += [f"{p}@{w}" for p in texts for w in over if not any(c in p for c in "@=;+") and p not in SPECIAL]
    chosen = [p for p in pools if isinstance(p, Arm)] + arms_from(texts, arms, baselines)
    names = [a.name for a in chosen]
    if len(set(names)) < len(names):
        raise PoolingError(f"two arms are called {next(n for n in names if names.count(n) > 1)!r}")
    if baseline not in names:
        raise PoolingError(f"baseline {baseline!r}: the arms are {', '.join(names)}")
    check(held, model, chosen, baseline)
    folder = Path(out)
    storage = open_store(folder, store)
    setting = {"data": _print_of(held), "model": model, "budget": budget}
    kept = Store(storage, name, setting)
    if search:
        from .search import best_arm

        chosen.append(
            best_arm(
                storage, f"{name}: search", held, model, [a for a in chosen if not a.model], budget, search, tried[0]
            )
        )
    keys = [key_of(a, s, r) for s in range(seeds) for a in chosen for r in tried]
    with torch_threads(threads):
        work(
            kept,
            keys,
            {a.name: a for a in chosen},
            held,
            model,
            budget,
            progress,
            lambda: write_rows(folder, name, kept.rows()),
        )
    wanted = {(k["arm"], k["choices"], k["seed"], k["rate"]) for k in keys}
    rows = [r for r in kept.rows() if (r.arm, r.choices, r.seed, r.rate) in wanted]
    rows.sort(key=lambda r: (names.index(r.arm) if r.arm in names else len(names), r.seed, r.rate))
    if len(rows) < len(keys):
        print(f"{len(keys) - len(rows)} trials are still running in other processes", file=sys.stderr)
    found = Study(name, held, model, tuple(chosen), baseline, rows, folder, statistics.best_rates(rows), threads)
    write_rows(folder, name, kept.rows())
    write_summary(folder, label or name, found.summary)
    if report:
        from .report import write_report

        write_report(folder, [found])
    return found


@contextmanager
def torch_threads(n: int) -> Generator[None]:
    """So many threads in torch, and as before afterwards."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(n)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def check(data: Data, model: str, arms: list[Arm], baseline: str) -> None:
    """One sentence before anything is trained: the model, its sites, the baseline."""
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
    """Train every queued trial, one after another; several processes may do so at once."""
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
    wanted = {spelled(k) for k in keys}
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
        while (trial := store.next(wanted)) is not None:
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
            store.keep(trial, row)
            after()
            bar.update(task, advance=1)


def _print_of(data: Data) -> str:
    """The data's name, shape and a checksum: another file under the same name is another study."""
    import zlib

    return f"{data.name} {data.x.shape} {zlib.crc32(data.y.tobytes(), zlib.crc32(data.x.tobytes())):08x}"
