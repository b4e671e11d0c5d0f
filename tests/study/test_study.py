"""The study: data, arms, the store that survives a kill, honest statistics, one page."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from command_line import refused

import anypool as ap

pytest.importorskip("optuna")

from anypool.study import models, run
from anypool.study.data import data_of, load, split
from anypool.study.hypotheses import Expectation, judge
from anypool.study.presets import PRESETS, run_presets
from anypool.study.statistics import differences, interval, paired, verdict
from anypool.study.trial import Row
from anypool.study.variants import apply, arm_of, arms_from, sites_of

TIMES = {"forward_ms", "train_ms", "seconds"}


def tiny(n: int = 90) -> tuple[Any, Any]:
    random = np.random.default_rng(0)
    y = np.arange(n) % 3
    return random.normal(size=(n, 8, 8)) + 2 * y[:, None, None], y


def command(*words: object) -> list[str]:
    return [sys.executable, "-c", "from anypool.cli import main; main()", "study", *map(str, words)]


def test_data_from_every_source(tmp_path: Path) -> None:
    from PIL import Image

    x, y = tiny(18)
    np.savez(tmp_path / "d.npz", x=x, y=y)
    assert load(str(tmp_path / "d.npz")).x.shape == (18, 1, 8, 8)
    for i in range(12):
        folder = tmp_path / "pictures" / "ab"[i % 2]
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((4, 5, 3), i, np.uint8)).save(folder / f"{i}.png")
    found = load(str(tmp_path / "pictures"))
    assert found.x.shape == (12, 3, 4, 5) and found.classes == ("a", "b")
    (tmp_path / "mine.py").write_text(
        "import numpy as np\ndef data():\n    return np.ones((12, 3, 3)), ['u', 'v'] * 6\n"
    )
    assert load(f"{tmp_path / 'mine.py'}:data").classes == ("u", "v")
    assert load("canvas").x.shape == (1797, 1, 20, 20) and load("places").classes == ("0", "1", "2", "3")
    parts = split(load("digits"), 3)
    rows = np.concatenate([parts.train, parts.valid, parts.test])
    assert len(rows) == 1797 == len(np.unique(rows))


@pytest.mark.parametrize(
    ("x", "y", "says"),
    [
        (np.ones((12, 4, 4)), np.arange(11), "one label"),
        (np.ones((12, 4, 4)), np.zeros(12), "only one label"),
        (np.ones((12, 4, 4)), np.array([0] * 11 + [1]), "missing from a fold"),
        (np.full((12, 4, 4), np.nan), np.arange(12) % 2, "NaN"),
        (np.ones(12), np.arange(12) % 2, "shape"),
    ],
)
def test_bad_data_is_one_sentence(x: Any, y: Any, says: str) -> None:
    with pytest.raises(ap.PoolingError, match=says):
        data_of("given", x, y)


def test_arms_stand_at_their_sites() -> None:
    data = load("digits")
    x = torch.from_numpy(data.x[:2])

    def made(text: str, model: str = "small?width=4") -> Any:
        net = apply(models.build(model, data, 0), arm_of(text), x)
        models.check(net, data)
        return net

    net = made("pool1=mean;pool2=Lp(3)@sliding((3, 3), 2, 1)")
    assert type(net.pool1) is torch.nn.AvgPool2d and net.pool2.reduction == ap.Lp(3)
    strided, plain = made("strided"), made("max")
    assert strided.conv1.stride == (2, 2) and isinstance(strided.pool1, torch.nn.Identity)
    torch.testing.assert_close(strided.conv1.weight, plain.conv1.weight)
    assert made("conv").pool1[0].out_channels == 4 and made("blur").pool1(x.repeat(1, 4, 1, 1)).shape[-1] == 4
    assert sites_of(models.build("allconv", data, 0)) == ["2", "6"]
    assert made("max", "allconv")[2].stride == (1, 1) and made("strided", "allconv")[2].stride == (2, 2)
    assert len(sites_of(models.build("encoder", data, 0))) == 3
    with pytest.raises(ap.PoolingError, match="no site"):
        made("pool9=max")
    with pytest.raises(ap.PoolingError, match="best"):
        arms_from(["best"])


def test_statistics_by_hand() -> None:
    mean, wide = interval([0.8, 0.9, 1.0], shared=0)
    assert mean == pytest.approx(0.9) and wide == pytest.approx(4.302653 * 0.1 / 3**0.5, rel=1e-6)
    assert paired([0.9, 0.9], [0.8, 0.8], tested=100)[2] > 0.05  # two equal gaps are no certainty
    rows = [
        Row(a, s, 0.1, accuracy=v + s / 100, tested=360)
        for a, v in (("max", 0.9), ("a", 0.9), ("b", 0.5))
        for s in range(5)
    ]
    found = {d.arm: d for d in differences(rows, "max")}
    assert not found["a"].significant and found["b"].significant and "worse" in found["b"].words
    assert "no significant difference" in found["a"].words and "worse than max: b" in verdict(rows, "max")
    assert verdict([r for r in rows if r.arm != "b"], "max").startswith("no significant difference")
    assert "no verdict" in verdict([r for r in rows if r.seed == 0], "max")
    assert judge([Expectation("b", "max", "more")], rows)[0].status == "no"


@pytest.mark.slow
def test_run_resumes_repeats_and_reports(tmp_path: Path) -> None:
    data, options = tiny(), {"seeds": 2, "budget": 1, "progress": False}
    first = run(data, pools=["max", "min"], out=tmp_path / "a", **options)
    assert {r.arm for r in first.rows} == {"max", "mean", "strided", "none", "min"} and len(first.rows) == 10
    again = run(data, pools=["max", "min"], out=tmp_path / "a", **options)
    assert [r.plain() for r in again.rows] == [r.plain() for r in first.rows]
    other = run(data, pools=["max"], baselines=False, out=tmp_path / "b", **options)
    for one, two in zip([r for r in first.rows if r.arm == "max"], other.rows, strict=True):
        assert {k: v for k, v in one.plain().items() if k not in TIMES} == {
            k: v for k, v in two.plain().items() if k not in TIMES
        }
    more = run(data, pools=["max", "min", "rms"], out=tmp_path / "a", seeds=3, budget=1, progress=False)
    assert len(more.rows) == 18
    with pytest.raises(ap.PoolingError, match="another --out"):
        run(data, pools=["max"], out=tmp_path / "a", seeds=2, budget=2, progress=False)
    page = (tmp_path / "a" / "report.html").read_text()
    assert page.count("<svg") >= 4 and 'src="http' not in page and 'href="http' not in page and "verdict" in page
    assert len(json.loads((tmp_path / "a" / "rows.json").read_text())) == 18
    assert json.loads((tmp_path / "a" / "summary.json").read_text())[0]["arm"] == "max"
    assert sorted(p.name for p in (tmp_path / "a").iterdir()) == [
        "report.html", "rows.csv", "rows.json", "study.journal", "summary.csv", "summary.json",
    ]  # fmt: skip


@pytest.mark.slow
def test_a_killed_study_loses_at_most_the_running_trial(tmp_path: Path) -> None:
    words = command("--pool", "max", "--seeds", 2, "--budget", 1, "--out", tmp_path)
    running = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    rows = tmp_path / "rows.json"
    until = time.monotonic() + 120
    while time.monotonic() < until and not (rows.exists() and len(json.loads(rows.read_text())) >= 2):
        time.sleep(0.05)
    os.kill(running.pid, signal.SIGKILL)
    running.wait()
    before = json.loads(rows.read_text())
    assert 2 <= len(before) < 8
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    after = json.loads(rows.read_text())
    assert len(after) == 8 and all(r in after for r in before)
    assert "interval" in done.stdout and "max" in done.stdout


def test_diverged_and_refused_trials_are_recorded(tmp_path: Path) -> None:
    (tmp_path / "nets.py").write_text(
        "import torch\nfrom torch import nn\n"
        "class Boom(nn.Module):\n    def __init__(self):\n        super().__init__()\n        self.w = nn.Parameter(torch.ones(1))\n"
        "    def forward(self, x):\n        return x * self.w if not self.training else x * self.w * float('nan')\n"
        "def boom():\n    return nn.Sequential(nn.Conv2d(1, 2, 3), nn.MaxPool2d(2), Boom(), nn.Flatten(), nn.Linear(18, 3))\n"
        "def fixed():\n    return nn.Sequential(nn.Conv2d(1, 2, 3), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(18, 3))\n"
        "def none():\n    return nn.Sequential(nn.Flatten(), nn.Linear(64, 3))\n"
        "def wrong():\n    return nn.Sequential(nn.MaxPool2d(2), nn.Flatten(), nn.Linear(16, 7))\n"
    )  # fmt: skip
    nets = str(tmp_path / "nets.py")
    options: Any = {"seeds": 1, "budget": 1, "out": tmp_path / "o", "progress": False}
    found = run(tiny(), f"{nets}:boom", baselines=False, pools=["max"], **options)
    assert found.rows[0].status == "diverged" and "nan" in found.rows[0].reason
    options["out"] = tmp_path / "p"
    found = run(tiny(), f"{nets}:fixed", **options)
    assert {r.arm: r.status for r in found.rows}["none"] == "refused" and "refused" in str(found)
    for model, says in (("none", "no pooling site"), ("wrong", "3 classes need")):
        with pytest.raises(ap.PoolingError, match=says):
            run(tiny(), f"{nets}:{model}", **options)


def test_search_finds_an_arm_by_site(tmp_path: Path) -> None:
    found = run(
        tiny(), pools=["max", "mean"], baselines=False, seeds=1, budget=1, search=3, out=tmp_path, progress=False
    )
    assert found.arms[-1].name == "searched" and len(found.arms[-1].choices) == 2


def test_windows_multiply_the_arms(tmp_path: Path) -> None:
    found = run(
        tiny(),
        pools=["max", "mean"],
        windows=["sliding((3, 3), 2, 1)"],
        baselines=False,
        seeds=1,
        budget=1,
        out=tmp_path,
        progress=False,
    )
    assert [a.name for a in found.arms] == ["max", "mean", *(f"{r}@sliding((3, 3), 2, 1)" for r in ("max", "mean"))]


def test_presets_say_what_they_expect(tmp_path: Path) -> None:
    for preset in (p for row in PRESETS.values() for p in row):
        names = {a[0] for a in preset.arms}
        assert all({e.left, e.right} <= names for e in preset.expected)
    said = run_presets("cost,edges", tmp_path, 1, 1, progress=False)
    assert "as expected" in said and (tmp_path / "claims.json").exists()
    assert "as expected" in (tmp_path / "report.html").read_text()
    with pytest.raises(ap.PoolingError, match="kernels"):
        run_presets("best", tmp_path)


@pytest.mark.parametrize(
    "words",
    [
        ("--pool", "best"),
        ("nothing.npz",),
        ("--model", "nothing:at"),
        ("--seeds", 0),
        ("--preset", "best"),
        ("--rate", -1),
        ("--rate", "1e400"),
        ("--rate", "nan"),
    ],
)
def test_errors_are_one_sentence(tmp_path: Path, words: tuple[Any, ...]) -> None:
    refused("study", *words, "--out", tmp_path / "o")
    assert not (tmp_path / "o").exists()


def test_importing_anypool_loads_no_torch_no_optuna_no_command_line() -> None:
    code = "import anypool, sys; assert not {'torch', 'optuna', 'typer', 'matplotlib', 'scipy'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
