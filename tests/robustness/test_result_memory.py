"""Memory of large results: reused once it is free, never while it is in use, within its limit."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

import anypool as ap
from anypool.arrays import buffer_pool as memory

X = np.random.default_rng(0).random((4, 16, 256, 256), np.float32)  # 16 MiB
WINDOWS = ap.sliding((3, 3), 1, 1)


@pytest.fixture(autouse=True)
def _as_it_was() -> Any:
    before = ap.get_cache_bytes()
    ap.set_cache_bytes(0)
    ap.set_cache_bytes(memory.DEFAULT)
    yield
    ap.set_cache_bytes(before)


def _address(y: Any) -> int:
    return y.__array_interface__["data"][0]


def test_freed_memory_is_used_again() -> None:
    y = ap.pool(X, WINDOWS, "max")
    want, at = y.copy(), _address(y)
    del y
    again = ap.pool(X, WINDOWS, "max")
    assert _address(again) == at
    np.testing.assert_array_equal(again, want)


def test_a_view_keeps_its_memory() -> None:
    y = ap.pool(X, WINDOWS, "max")
    part, want = y[1, 2, 3], y[1, 2, 3].copy()
    del y
    others = [ap.pool(X, WINDOWS, "min") for _ in range(3)]
    np.testing.assert_array_equal(part, want)
    assert len({_address(o) for o in others}) == 3


def test_tensors_share_the_memory_of_arrays_and_keep_it() -> None:
    torch = pytest.importorskip("torch")
    x = torch.from_numpy(X).requires_grad_()
    y = ap.pool(x, WINDOWS, "mean")
    kept, want = y.detach()[0, 0], y.detach()[0, 0].clone()
    (gx,) = torch.autograd.grad(y.sum(), x)
    del y
    first = gx.data_ptr()
    del gx
    for _ in range(3):
        y = ap.pool(x, WINDOWS, "mean")
        (gx,) = torch.autograd.grad(y.sum(), x)
        del y
        seen = gx.data_ptr()
        del gx
    assert torch.equal(kept, want) and first and seen


def test_the_cache_keeps_no_more_than_its_limit() -> None:
    held = [ap.pool(X, WINDOWS, "max") for _ in range(4)]
    size = held[0].nbytes
    ap.set_cache_bytes(2 * size + 4096)
    del held
    gc.collect()
    assert size <= sum(b.nbytes for b in memory._free) <= 2 * size + 4096
    ap.set_cache_bytes(0)
    assert not memory._free
    del_me = ap.pool(X, WINDOWS, "max")
    del del_me
    assert not memory._free


def test_a_small_result_takes_no_large_block() -> None:
    y = ap.pool(X, WINDOWS, "max")
    at = _address(y)
    del y
    assert _address(ap.pool(X[:2], WINDOWS, "max")) != at


@pytest.mark.parametrize("wrong", [-1, 1.5, True, "many", None])
def test_refused_numbers_of_bytes(wrong: Any) -> None:
    with pytest.raises(ap.PoolingError, match="number of bytes"):
        ap.set_cache_bytes(wrong)


def test_many_threads() -> None:
    want = {k: ap.pool(X + k, WINDOWS, "max") for k in range(4)}

    def work(k: int) -> bool:
        return all(np.array_equal(ap.pool(X + k, WINDOWS, "max"), want[k]) for _ in range(6))

    with ThreadPoolExecutor(4) as threads:
        assert all(threads.map(work, range(4)))


def test_the_environment_sets_the_limit() -> None:
    code = "import anypool; print(anypool.get_cache_bytes())"
    for given, want in (("12345", "12345"), ("much", str(memory.DEFAULT))):
        environment = {**os.environ, "ANYPOOL_CACHE_BYTES": given}
        done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
        assert done.stdout.strip() == want


def test_out_is_written_by_the_core_each_time() -> None:
    want, out = ap.pool(X, WINDOWS, "mean"), np.empty_like(X)
    for x, w in ((X, want), (X, want), (X * 2, want * 2)):
        out[:] = -1
        assert ap.pool(x, WINDOWS, "mean", out=out) is out
        np.testing.assert_array_equal(out, w)
    upside = np.empty_like(X)[:, ::-1]
    assert ap.pool(X, WINDOWS, "mean", out=upside) is upside
    np.testing.assert_array_equal(upside, want)
    with pytest.raises(ap.PoolingError, match="out must be"):
        ap.pool(X, WINDOWS, "mean", out=np.empty((2, 2), np.float32))
    with pytest.raises(ap.PoolingError, match="out must be"):
        ap.pool(X, WINDOWS, "mean", out=np.empty_like(X, dtype=np.float64))
    texts = getattr(np.dtypes, "StringDType", None)  # NumPy 2
    for dtype in ("U5", object, "M8[s]", *([texts()] if texts else [])):
        for reduction in ("mean", "median", "argmax"):
            with pytest.raises(ap.PoolingError, match=r"out must be .* and dtype"):
                ap.pool(X, WINDOWS, reduction, out=np.empty(X.shape, dtype))
    swapped = np.empty_like(X, dtype=X.dtype.newbyteorder())
    assert ap.pool(X, WINDOWS, "mean", out=swapped) is swapped
    np.testing.assert_array_equal(swapped, want)


def test_out_may_be_the_very_array_that_is_pooled() -> None:
    x = X[0, 0].copy()
    want = ap.pool(x, WINDOWS, "max")
    for part in (x.copy(), x.copy()):
        assert ap.pool(part, WINDOWS, "max", out=part) is part
        np.testing.assert_array_equal(part, want)


def test_tensors_are_written_to() -> None:
    torch = pytest.importorskip("torch")
    x = torch.from_numpy(X)
    want = ap.pool(x, WINDOWS, "mean")
    last = torch.empty_like(x, memory_format=torch.channels_last)
    for out in (torch.empty_like(x), torch.empty_like(x), last, x.clone()[:, :, :, ::2].repeat(1, 1, 1, 2)):
        assert ap.pool(x, WINDOWS, "mean", out=out) is out
        assert torch.equal(out, want)
    own = x.clone()
    for _ in range(2):
        own.copy_(x)
        assert ap.pool(own, WINDOWS, "mean", out=own) is own and torch.equal(own, want)
    with pytest.raises(ap.PoolingError, match="out must be"):
        ap.pool(x, WINDOWS, "mean", out=torch.empty_like(x, dtype=torch.float64))
    places = torch.empty(x.shape, dtype=torch.int64)
    assert torch.equal(ap.pool(x, WINDOWS, "argmax", out=places), ap.pool(x, WINDOWS, "argmax"))
    learns = x.clone().requires_grad_()
    for _ in range(2):
        with torch.no_grad():
            assert torch.equal(ap.pool(learns, WINDOWS, "mean", out=last), want)
