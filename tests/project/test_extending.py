"""docs/extending.md: each recipe is applied to a copy of the package, counted and run."""

from __future__ import annotations

import inspect
import os
import re
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from shutil import copytree, ignore_patterns
from typing import NamedTuple

import pytest

import anypool as ap

PACKAGE = Path(ap.__file__).parent
PAGE = (Path(__file__).parents[2] / "docs" / "extending.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"(?:`src/anypool/([^`\n]+)`\n\n)?```(\w+)\n(.*?)```", re.DOTALL)
ROW = re.compile(r"^\| \[([\w ]+)\]\(#[\w-]+\) \| `([^`]+)` \| `([^`]+)` \| (\d+) \|$", re.MULTILINE)
# An editable install puts a finder object into sys.meta_path, which wins over PYTHONPATH. Python's
# own finders are classes.
BEGIN = "import sys\nsys.meta_path[:] = [f for f in sys.meta_path if isinstance(f, type)]\nimport anypool\n"


class Recipe(NamedTuple):
    """One section of the page."""

    new_file: str
    code: str
    registry: str
    change: str
    use: str


def recipe_of(title: str) -> Recipe:
    """The blocks of a section: the new file, the change of the registry, the use."""
    section = next(s for s in re.split(r"^## ", PAGE, flags=re.MULTILINE) if s.startswith(f"{title}\n"))
    (new_file, kind, code), (registry, diff, change), (_, _, use) = BLOCK.findall(section)
    assert (kind, diff) == ("py", "diff")
    return Recipe(new_file, code, registry, change, use)


def changed(text: str, change: str) -> str:
    """The text with each line of "+" after the line before it, which the text has once."""
    after = ""
    for line in change.splitlines():
        if line.startswith("+"):
            text = text.replace(f"\n{after}\n", f"\n{after}\n{line[1:]}\n")
        elif not line.startswith("@@"):
            assert line.startswith(" ") and text.count(f"\n{line[1:]}\n") == 1, line
        after = line[1:]
    return text


def apply(recipe: Recipe, folder: Path) -> None:
    """Copy the package, write the new file, change the registry."""
    copytree(PACKAGE, folder / "anypool", ignore=ignore_patterns("__pycache__"))
    new, registry = folder / "anypool" / recipe.new_file, folder / "anypool" / recipe.registry
    assert not new.exists()
    new.write_text(recipe.code, encoding="utf-8")
    registry.write_text(changed(registry.read_text(encoding="utf-8"), recipe.change), encoding="utf-8")


def differences(folder: Path) -> dict[str, int]:
    """Each file that the package lacks or that differs, and the number of its new lines."""

    def files(package: Path) -> dict[str, str]:
        return {str(p.relative_to(package)): p.read_text(encoding="utf-8") for p in package.rglob("*.py")}

    before, after = files(PACKAGE), files(folder / "anypool")
    assert before.keys() <= after.keys()
    lines = {name: before.get(name, "").splitlines() for name in after}
    return {
        name: sum(line not in lines[name] for line in text.splitlines())
        for name, text in after.items()
        if before.get(name) != text
    }


def run(folder: Path, code: str) -> str:
    """What a new process prints, which imports the copy."""
    code = f"{BEGIN}assert anypool.__file__.startswith({str(folder)!r}), anypool.__file__\n{code}"
    environment = {**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, "-W", "error::RuntimeWarning", "-c", code],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


# The checks run in the process of the copy: the source of each function is its code.


def fold_by_hand() -> None:
    from functools import partial

    import numpy as np
    import torch

    import anypool as ap
    from anypool.expressions import reduction_from, text_of

    x = np.random.default_rng(0).uniform(0.5, 3.0, (4, 7))
    w = np.where(x > 2, 0.0, x)
    v, u = (np.lib.stride_tricks.sliding_window_view(a, (2, 3)) for a in (x, w))
    windows = ap.sliding((2, 3), 1)
    plain = (v * v).sum((2, 3)) / v.sum((2, 3))
    weighted = (u * v * v).sum((2, 3)) / (u * v).sum((2, 3))
    for weights, expected in ((None, plain), (w, weighted)):
        for array in (x, torch.from_numpy(x)):
            for backend in (None, "reference"):
                y = ap.pool(array, windows, "contraharmonic", weights=weights, backend=backend)
                np.testing.assert_allclose(np.asarray(y), expected, rtol=1e-12)
    t = torch.from_numpy(x).requires_grad_()
    for weights in (None, w):
        assert torch.autograd.gradcheck(
            partial(ap.pool, windows=windows, reduction="contraharmonic", weights=weights), t
        )
    labels = np.arange(7) % 3
    groups = ap.pool(x, ap.groups(labels), "contraharmonic", axes=1)
    np.testing.assert_allclose(groups[:, 1], (x[:, 1::3] ** 2).sum(1) / x[:, 1::3].sum(1))
    assert text_of(reduction_from("contraharmonic")) == "contraharmonic" and "contraharmonic" in ap.REDUCTIONS


def order_by_hand() -> None:
    from functools import partial

    import numpy as np
    import torch

    import anypool as ap

    x = np.random.default_rng(0).normal(size=(5, 6))
    mask = np.random.default_rng(1).random((5, 6)) > 0.3
    v = np.lib.stride_tricks.sliding_window_view(x, (3, 2)).reshape(3, 5, 6)
    m = np.lib.stride_tricks.sliding_window_view(mask, (3, 2)).reshape(3, 5, 6)
    windows = ap.sliding((3, 2), 1)
    distance, both = abs(v[..., :, None] - v[..., None, :]), m[..., :, None] & m[..., None, :]
    plain, masked = distance.mean((2, 3)), (distance * both).sum((2, 3)) / both.sum((2, 3))
    for weights, expected in ((None, plain), (mask, masked), (mask * 0.25, masked)):
        for array in (x, torch.from_numpy(x)):
            for backend in (None, "reference"):
                y = ap.pool(array, windows, "gini", weights=weights, backend=backend)
                np.testing.assert_allclose(np.asarray(y), expected, rtol=1e-12)
    t = torch.from_numpy(x).requires_grad_()
    for weights in (None, mask, mask * 0.25):
        assert torch.autograd.gradcheck(partial(ap.pool, windows=windows, reduction="gini", weights=weights), t)
    assert ap.pool(x.astype(np.float32), ap.sliding((3, 2)), "gini").dtype == np.float32
    assert np.isnan(ap.pool(x, ap.whole(), "gini", weights=np.zeros(6), axes=1)).all()


def windows_by_hand() -> None:
    from functools import partial

    import numpy as np
    import torch

    import anypool as ap
    from anypool.expressions import text_of, windows_from

    x = np.random.default_rng(0).normal(size=(3, 11))
    sizes = [1, 3, 9, 11]
    by_hand = {"sum": np.sum, "max": np.max, "median": np.median, "var": np.var}
    for name, function in by_hand.items():
        expected = np.stack([function(x[:, 11 - n :], axis=1) for n in sizes], 1)
        for array in (x, torch.from_numpy(x)):
            for backend in (None, "reference"):
                y = ap.pool(array, ap.recent(3), name, axes=1, backend=backend)
                np.testing.assert_allclose(np.asarray(y), expected, rtol=1e-12)
        t = torch.from_numpy(x).requires_grad_()
        assert torch.autograd.gradcheck(partial(ap.pool, windows=ap.recent(3), reduction=name, axes=1), t)
    two = ap.pool(x, ap.recent(), "sum", axes=(0, 1))
    assert two.shape == ap.recent().output_shape(x.shape, (0, 1)) == (3, 5)
    np.testing.assert_allclose(two[1, 2], x[1:, 7:].sum())
    assert ap.pool(np.zeros((2, 0)), ap.recent(), "sum", axes=1).shape == (2, 0)
    assert windows_from(text_of(ap.recent(3))) == ap.recent(3) == windows_from("recent(growth=3)")
    assert "recent" in ap.__all__ and "recent" in dir(ap)
    try:
        ap.recent(1)
    except ap.PoolingError as error:
        assert "growth" in str(error)
    else:
        raise AssertionError("growth 1 never ends")


def columns_by_hand() -> None:
    import numpy as np
    import polars as pl

    import anypool as ap

    x = np.random.default_rng(0).normal(size=20)
    v = np.lib.stride_tricks.sliding_window_view(x, 5)
    by_hand = {"mean": np.mean, "std": np.std, "median": np.median}
    for name, function in by_hand.items():
        y = ap.pool(pl.Series(x), ap.sliding((5,), 1), name)
        assert isinstance(y, pl.Series)
        np.testing.assert_allclose(y.to_numpy(), function(v, axis=1), rtol=1e-12)
    low, high = ap.pool(pl.Series(x.astype(np.float32)), ap.groups(np.arange(20) // 10), ("min", "max"))
    assert (
        low.dtype == high.dtype == pl.Float32 and low.to_list() == x.astype(np.float32).reshape(2, 10).min(1).tolist()
    )
    w = pl.Series(x > 0)
    expected = [row[row > 0].mean() for row in x.reshape(4, 5)]
    np.testing.assert_allclose(ap.pool(pl.Series(x), ap.sliding((5,)), weights=w).to_numpy(), expected)
    try:
        ap.pool(pl.Series(["a"]), ap.whole())
    except ap.PoolingError as error:
        assert "column of String" in str(error)
    else:
        raise AssertionError("texts are pooled")
    assert "torch" not in __import__("sys").modules


def engine_by_hand() -> None:
    from functools import partial

    import numpy as np
    import torch

    import anypool as ap

    x = np.random.default_rng(0).normal(size=(6, 5))
    x[1, 1] = x[4, 2] = np.nan
    mask = np.random.default_rng(1).random((6, 5)) > 0.4
    mask[:2, :2] = False
    v = np.lib.stride_tricks.sliding_window_view(np.where(mask & (x == x), x, 1.0), (2, 2))
    options = {"weights": mask, "nan": "omit"}
    windows = ap.sliding((2, 2), 1)
    for array in (x, torch.from_numpy(x)):
        y = ap.pool(array, windows, "prod", **options)
        np.testing.assert_allclose(np.asarray(y), v.prod((2, 3)), rtol=1e-12)
        told = ap.explain(array, windows, "prod", **options)
        assert told.backend == "cpu" and "absent elements replaced by the identity element" in told.engine
        assert ap.explain(array, windows, "prod", backend="reference", **options).backend == "reference"
        refused = ap.explain(array, windows, "prod", empty=0.0, **options)
        assert refused.engine == "compiled fold"
        assert ap.pool(array, windows, "prod", empty=0.0, **options)[0, 0] == 0.0
    b = x > 0.5
    for name, function in {"any": np.any, "all": np.all}.items():
        kept = np.lib.stride_tricks.sliding_window_view(np.where(mask, b, name == "all"), (2, 2))
        for array in (b, torch.from_numpy(b)):
            y = np.asarray(ap.pool(array, windows, name, weights=mask))
            assert y.dtype == bool and np.array_equal(y, function(kept, axis=(2, 3)))
            assert "identity element" in ap.explain(array, windows, name, weights=mask).engine
    t = torch.from_numpy(np.nan_to_num(x, nan=2.0)).requires_grad_()
    assert torch.autograd.gradcheck(partial(ap.pool, windows=windows, reduction="prod", weights=mask), t)
    w = torch.from_numpy(np.where(mask, 0.5, 0.0)).requires_grad_()
    ap.pool(t, windows, "prod", weights=w).sum().backward()
    assert w.grad is None or not w.grad.any()


CASES: dict[str, tuple[Callable[[], None], str]] = {
    "A fold": (fold_by_hand, "backend    cpu: sums of transformed x"),
    "An order statistic": (order_by_hand, "backend    cpu: selection network"),
    "A window kind": (windows_by_hand, "backend    cpu: compiled fold"),
    "An array library": (columns_by_hand, "backend    cpu: compiled fold"),
    "An engine": (engine_by_hand, "backend    cpu: absent elements replaced by the identity element; compiled fold"),
}


def test_the_table_names_the_recipes() -> None:
    rows = {title[0].upper() + title[1:]: row for title, *row in ROW.findall(PAGE)}
    assert rows.keys() == CASES.keys()
    for title, (new_file, registry, _) in rows.items():
        recipe = recipe_of(title)
        assert (recipe.new_file, recipe.registry) == (new_file, registry)


@pytest.mark.parametrize("title", CASES)
def test_an_extension_is_one_file_and_its_registry_lines(title: str, tmp_path: Path) -> None:
    recipe, (by_hand, explanation) = recipe_of(title), CASES[title]
    lines = next(int(row[3]) for row in ROW.findall(PAGE) if row[0].lower() == title.lower())
    apply(recipe, tmp_path)
    counted = differences(tmp_path)
    assert counted == {recipe.new_file: len(recipe.code.splitlines()), recipe.registry: lines}
    source = textwrap.dedent(inspect.getsource(by_hand))
    printed = run(tmp_path, f"{recipe.use}\n{source}\n{by_hand.__name__}()\n")
    assert explanation in printed


def test_a_line_that_the_registry_lacks_is_an_error() -> None:
    assert changed("\na\nb\n", " a\n+c\n+d") == "\na\nc\nd\nb\n"
    with pytest.raises(AssertionError, match="z"):
        changed("\na\nb\n", " z\n+c")
