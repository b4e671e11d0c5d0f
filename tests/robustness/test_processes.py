"""Fork, workers, threads, poisoned heaps: the same numbers everywhere."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch

import anypool as ap

CALLS: list[tuple[Any, str]] = [
    (ap.sliding((3, 3), 1, 1), "max"),
    (ap.sliding((5, 5), 2), "mean"),
    (ap.sliding((2, 2)), "softpool"),
    (ap.sliding((15, 9), 1, 7), "sum"),
    (ap.sliding((3, 3), 1, 1), "var"),
    (ap.sliding((3, 3), 1, 1), "argmax"),
    (ap.adaptive((7, 5)), "logsumexp"),
]


@pytest.fixture(autouse=True)
def threads() -> Iterator[None]:
    """Each test starts and ends with the machine's own number."""
    before = ap.get_num_threads()
    yield
    ap.set_num_threads(before)


def large(seed: int = 0, dtype: str = "float32") -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((4, 8, 120, 130)).astype(dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "uint8"])
def test_threads_do_not_change_results(dtype: str) -> None:
    x = (
        large().astype(dtype)
        if dtype != "uint8"
        else np.random.default_rng(0).integers(0, 255, (4, 8, 120, 130), "uint8")
    )
    for windows, name in CALLS:
        answers = []
        for n in (1, 2, 3, 7, 64):
            ap.set_num_threads(n)
            answers.append(ap.pool(x, windows, name))
        for other in answers[1:]:
            np.testing.assert_array_equal(other, answers[0], err_msg=name)


def test_gradients_do_not_depend_on_threads() -> None:
    g = torch.from_numpy(large(1)[:, :, ::2, ::2].copy())
    for name in ("max", "mean", "sum", "softpool", "min", "var"):
        grads = []
        for n in (1, 2, 5):
            ap.set_num_threads(n)
            x = torch.from_numpy(large()).requires_grad_()
            ap.pool(x, ap.sliding((2, 2)), name).backward(g)
            grads.append(x.grad)
        assert all(torch.equal(a, grads[0]) for a in grads[1:]), name


@pytest.mark.parametrize("bad", [0, -1, 1.5, "2", None, True, float("nan"), float("inf"), 2**70, [2]], ids=repr)
def test_bad_numbers_of_threads(bad: Any) -> None:
    with pytest.raises(ap.PoolingError):
        ap.set_num_threads(bad)


def test_the_number_of_threads_is_kept() -> None:
    ap.set_num_threads(3)
    assert ap.get_num_threads() in (1, 3)  # 1 without the compiled core


def test_the_environment_sets_threads() -> None:
    code = "import anypool as ap; print(ap.get_num_threads())"
    for value, good in (
        ("1", {1}),
        ("5", {1, 5}),
        ("none", range(1, 2000)),
        ("-3", range(1, 2000)),
        ("0", range(1, 2000)),
    ):
        out = subprocess.check_output(
            [sys.executable, "-c", code], env={**os.environ, "ANYPOOL_NUM_THREADS": value}, timeout=60
        )
        assert int(out) in good, value


def test_eight_threads_at_once() -> None:
    arrays = [large(i) for i in range(8)]
    want = [[ap.pool(x, w, n) for w, n in CALLS] for x in arrays]
    wrong: list[Any] = []

    def work(i: int) -> None:
        try:
            for _ in range(3):
                for (windows, name), right in zip(CALLS, want[i], strict=True):
                    if not np.array_equal(ap.pool(arrays[i], windows, name), right):
                        wrong.append((i, name))
        except BaseException as error:
            wrong.append(error)

    running = [threading.Thread(target=work, args=(i,)) for i in range(8)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join(120)
    assert not any(t.is_alive() for t in running) and not wrong, wrong


def test_threads_change_while_others_pool() -> None:
    x, want = large(), ap.pool(large(), ap.sliding((3, 3), 1, 1), "max")
    stop = threading.Event()

    def change() -> None:
        n = 0
        while not stop.is_set():
            n = n % 6 + 1
            ap.set_num_threads(n)

    changing = threading.Thread(target=change)
    changing.start()
    try:
        for _ in range(30):
            np.testing.assert_array_equal(ap.pool(x, ap.sliding((3, 3), 1, 1), "max"), want)
    finally:
        stop.set()
        changing.join(60)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_after_fork() -> None:
    """A child process pools after its parent has pooled, and so does its child; the parent
    continues."""
    x = large()
    ap.set_num_threads(2)
    want = [ap.pool(x, w, n) for w, n in CALLS]
    child = os.fork()
    if child == 0:
        good = all(np.array_equal(ap.pool(x, w, n), y) for (w, n), y in zip(CALLS, want, strict=True))
        again = os.fork()
        if again == 0:
            os._exit(0 if np.array_equal(ap.pool(x, *CALLS[0]), want[0]) else 5)
        good = good and os.waitpid(again, 0)[1] == 0
        os._exit(0 if good else 7)
    for (w, n), y in zip(CALLS, want, strict=True):
        np.testing.assert_array_equal(ap.pool(x, w, n), y)
    import time

    for _ in range(600):
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            assert os.waitstatus_to_exitcode(status) == 0
            return
        time.sleep(0.1)
    os.kill(child, 9)
    pytest.fail("the child hangs")


class Pooled(torch.utils.data.Dataset[Any]):
    """Samples that workers pool."""

    def __len__(self) -> int:
        return 8

    def __getitem__(self, i: int) -> Any:
        x = torch.from_numpy(large(i)[0])
        return ap.pool(x, ap.sliding((2, 2)), "max"), torch.from_numpy(
            ap.pool(large(i)[0], ap.sliding((3, 3), 1, 1), "mean")
        )


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:This DataLoader will create")
@pytest.mark.parametrize("start", ["fork", pytest.param("spawn", marks=pytest.mark.slow)])
def test_data_loader_workers(start: str) -> None:
    ap.pool(large(), ap.sliding((2, 2)), "max")  # the parent's pool is up before the workers start
    loader = torch.utils.data.DataLoader(
        Pooled(), batch_size=2, num_workers=2, multiprocessing_context=start, timeout=100
    )
    seen = 0
    for batch, (a, b) in enumerate(loader):
        for k in range(2):
            x = large(batch * 2 + k)[0]
            assert torch.equal(a[k], torch.nn.functional.max_pool2d(torch.from_numpy(x)[None], 2)[0])
            np.testing.assert_array_equal(b[k].numpy(), ap.pool(x, ap.sliding((3, 3), 1, 1), "mean"))
            seen += 1
    assert seen == 8


POOL_MANY = """
import hashlib, numpy as np, anypool as ap
made = hashlib.sha256()
for shape in SHAPES:
    for dtype in ("float32", "float64", "uint8", "float16", "int32"):
        x = np.random.default_rng(0).integers(0, 50, shape).astype(dtype)
        for view in (x, x.swapaxes(1, 3), x[..., ::-1]):
            for k in (1, 2, 3, 9):
                for name in ap.REDUCTIONS:
                    for windows in (ap.sliding((k, k), 1, k // 2), ap.sliding((k, k), 2, k, border=1.0)):
                        y = ap.pool(view, windows, name, empty=0)
                        made.update(np.where(y == y, y, np.zeros_like(y)).tobytes() + (y == y).tobytes())
print(made.hexdigest())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="glibc poisons its heap on request")
@pytest.mark.parametrize(
    "shapes",
    [
        ((1, 1, 1, 1), (2, 3, 7, 5), (1, 2, 40, 67)),
        pytest.param(((3, 1, 130, 3),) * 3, marks=pytest.mark.slow),
    ],
)
def test_poisoned_heap(shapes: Any) -> None:
    """Whatever the allocator gives is written before it is read: two poisons, the same bits."""
    code = POOL_MANY.replace("SHAPES", repr(shapes))
    answers = {
        subprocess.check_output([sys.executable, "-c", code], env={**os.environ, "MALLOC_PERTURB_": p}, timeout=200)
        for p in ("85", "170")
    }
    assert len(answers) == 1


def test_windows_of_every_length_leave_the_heap_whole() -> None:
    """Scratch memory is long enough for all adjacent windows: the allocator aborts at a broken
    block."""
    code = (
        "import numpy as np, anypool as ap\n"
        "for n in [2**i for i in range(1, 13)] + [3 * 2**i for i in range(1, 11)]:\n"
        "    x = np.ones((3, n), np.float64)\n"
        "    for name in ('sum', 'max', 'prod', 'var', 'logsumexp'):\n"
        "        for _ in range(20): ap.pool(x, ap.whole(), name, axes=(0, 1)), ap.pool(x, ap.whole(), name, axes=-1)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
