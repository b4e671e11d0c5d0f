"""The store of a study: Optuna's journal file or a database; a killed study loses only the running
trial.
"""

from __future__ import annotations

import json
import os
import socket
import time
from pathlib import Path
from typing import Any

from ..errors import PoolingError
from .trial import Row

FILE = "study.journal"
SILENT = 900.0  # seconds without a heartbeat after which a trial of another machine counts as dead


def open_store(out: Path, url: str = "") -> Any:
    """Optuna's storage: a journal file in `out`, or the database of the URL."""
    try:
        import optuna
        from optuna.storages import JournalStorage, RDBStorage
        from optuna.storages.journal import JournalFileBackend
    except ImportError:
        raise PoolingError("the study needs its extra: pip install 'anypool[study]'") from None
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        out.mkdir(parents=True, exist_ok=True)
        return RDBStorage(url) if url else JournalStorage(JournalFileBackend(str(out / FILE)))
    except OSError as error:
        raise PoolingError(f"{out} cannot be written: {error}") from None
    except Exception as error:
        raise PoolingError(f"the store {url or out / FILE} cannot be opened: {error}") from None


class Store:
    """One study in the store: the queue of its trials, and their rows."""

    def __init__(self, storage: Any, name: str, setting: dict[str, Any]) -> None:
        import optuna

        self.optuna: Any = optuna
        self.study: Any = optuna.create_study(
            storage=storage,
            study_name=name,
            direction="maximize",
            load_if_exists=True,
            sampler=optuna.samplers.RandomSampler(seed=0),
        )
        before = self.study.user_attrs.get("setting")
        if before is None:
            self.study.set_user_attr("setting", setting)
        elif before != setting:
            changed = ", ".join(f"{k} {before.get(k)!r} → {v!r}" for k, v in setting.items() if before.get(k) != v)
            raise PoolingError(f"the store already holds a study with other settings ({changed}): use another --out")

    def plan(self, keys: list[dict[str, Any]]) -> int:
        """Queue each trial that is not done, running or queued; returns the number of trials
        without a row.

        Trials of dead processes are queued again.
        """
        states = self.optuna.trial.TrialState
        known: set[str] = set()
        for trial in self.study.get_trials(deepcopy=False):
            if trial.state == states.RUNNING and _dead(trial.user_attrs):
                self.study.tell(trial.number, state=states.FAIL, skip_if_finished=True)
            elif trial.state in (states.COMPLETE, states.WAITING, states.RUNNING) or "row" in trial.user_attrs:
                known.add(spelled(trial.user_attrs))
        for key in keys:
            if spelled(key) not in known:
                self.study.enqueue_trial({}, user_attrs=key)
        return len([k for k in keys if spelled(k) not in self.finished()])

    def next(self, requested: set[str]) -> Any:
        """Claim the next queued trial; None if there is none."""
        states = self.optuna.trial.TrialState
        while True:
            queued = self.study.get_trials(deepcopy=False, states=(states.WAITING,))
            if not queued:
                return None
            trial = self.study.ask()
            key = spelled(trial.user_attrs) if "arm" in trial.user_attrs else ""
            twice = any(
                t.number < trial.number
                and spelled(t.user_attrs) == key
                and t.state in (states.COMPLETE, states.RUNNING)
                for t in self.study.get_trials(deepcopy=False)
                if "arm" in t.user_attrs
            )
            if not key or twice:  # another worker has claimed it
                self.study.tell(trial, state=states.PRUNED)
                continue
            if key not in requested:  # queued by an earlier command, not part of this one
                self.study.tell(trial, state=states.PRUNED)
                continue
            trial.set_user_attr("worker", f"{socket.gethostname()}:{os.getpid()}:{_started(os.getpid())}")
            self.beat(trial)
            return trial

    def beat(self, trial: Any) -> None:
        """Record a heartbeat."""
        trial.set_user_attr("beat", time.time())

    def record(self, trial: Any, row: Row) -> None:
        """Write the row of a trial to the store."""
        trial.set_user_attr("row", row.plain())
        if row.status == "done":
            self.study.tell(trial, row.valid_accuracy)
        else:
            self.study.tell(trial, state=self.optuna.trial.TrialState.FAIL)

    def release(self, trial: Any) -> None:
        """Mark an interrupted trial as failed, so that it is queued again."""
        self.study.tell(trial, state=self.optuna.trial.TrialState.FAIL, skip_if_finished=True)

    def rows(self) -> list[Row]:
        """All rows by arm, seed and rate; a trial that ran twice counts once."""
        rows: dict[str, Row] = {}
        for trial in self.study.get_trials(deepcopy=False):
            if "row" in trial.user_attrs:
                rows.setdefault(spelled(trial.user_attrs), Row(**trial.user_attrs["row"]))
        return sorted(rows.values(), key=lambda r: (r.arm, r.seed, r.rate))

    def finished(self) -> set[str]:
        """Keys of the trials that have a row."""
        return {spelled(t.user_attrs) for t in self.study.get_trials(deepcopy=False) if "row" in t.user_attrs}


def key_of(arm: Any, seed: int, rate: float) -> dict[str, Any]:
    """The key of a trial: its arm, seed and rate."""
    return {"arm": arm.name, "choices": arm.text, "seed": seed, "rate": rate}


def spelled(attributes: Any) -> str:
    """The key as one string."""
    return json.dumps([attributes.get(k) for k in ("arm", "choices", "seed", "rate")])


def _dead(attributes: Any) -> bool:
    host, _, rest = str(attributes.get("worker", "::")).partition(":")
    process, _, started = rest.partition(":")
    if host == socket.gethostname() and process.isdigit():
        return _started(int(process)) != started
    return time.time() - float(attributes.get("beat", 0)) > SILENT


def _started(process: int) -> str:
    """The start time of a process, which detects a reused process number; "" if it has ended."""
    try:
        return Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        pass
    if Path("/proc/self/stat").exists():
        return ""
    try:
        os.kill(process, 0)
    except OSError:
        return ""
    return "running"
