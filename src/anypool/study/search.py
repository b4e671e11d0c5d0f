"""The search for a pooling of each site by Optuna's TPE; the best combination becomes an arm."""

from __future__ import annotations

from typing import Any

from ..errors import PoolingError
from . import models
from .data import Data
from .trial import run_trial
from .variants import Arm, arm_of, sites_of

SEED = 10**6  # no seed of the study, so the search uses other folds


def best_arm(
    storage: Any, name: str, data: Data, model: str, arms: list[Arm], budget: int, trials: int, rate: float
) -> Arm:
    """The best of `trials` combinations by validation accuracy; a search in the store continues."""
    import optuna

    sites = sites_of(models.build(model, data, 0))
    choices = sorted({c for a in arms for s, c in a.choices if s == "*"})
    study = optuna.create_study(
        storage=storage,
        study_name=f"{name} over {', '.join(choices)}",
        direction="maximize",
        load_if_exists=True,
        sampler=optuna.samplers.TPESampler(seed=0),
    )

    def objective(trial: Any) -> float:
        picked = ";".join(f"{s}={trial.suggest_categorical(s, choices)}" for s in sites)
        row = run_trial(data, model, arm_of(picked), SEED, rate, budget)
        trial.set_user_attr("row", row.plain())
        if row.status != "done" or row.valid_accuracy is None:
            raise optuna.TrialPruned(row.reason)
        return row.valid_accuracy

    done = len([t for t in study.get_trials(deepcopy=False) if "row" in t.user_attrs])
    study.optimize(objective, n_trials=max(trials - done, 0))
    try:
        best = study.best_params
    except ValueError:
        raise PoolingError("the search found no combination that can be trained") from None
    return arm_of(";".join(f"{s}={best[s]}" for s in sites), "searched")
