"""LocallyWeightedPool: softmax and Gaussian weights in sliding windows, by hand."""

from __future__ import annotations

import copy

import pytest
import torch
from sequence_batches import LENGTHS, Batch, D

import anypool as ap
from anypool import nn

BATCH = Batch()
KINDS = ["learned", "gaussian", "local-p"]


@pytest.mark.parametrize("kind", KINDS)
def test_windows_by_hand(kind: str) -> None:
    layer = nn.LocallyWeightedPool(D, 3, 2, kind).double()
    y = layer(BATCH.right, mask=BATCH.right_mask)
    assert y.shape == (len(LENGTHS), 3, D) and torch.isfinite(y).all()
    t = torch.arange(3.0)
    for i, row in enumerate(BATCH.rows):
        for o in range(3):
            v = row[2 * o : 2 * o + 3]
            if not len(v):
                assert not y[i, o].any()
                continue
            logits = torch.zeros(len(v)) if kind == "gaussian" else layer.logit(v)[:, 0]
            centre = 3 * torch.sigmoid(layer.place(v.mean(0))) - 0.5 if kind == "local-p" else 1.0
            if kind != "learned":
                logits = logits - 0.5 * ((t[: len(v)] - centre) / 0.75) ** 2
            torch.testing.assert_close(y[i, o], logits.double().softmax(0) @ v, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_forms_gradients_and_copies(kind: str) -> None:
    layer = nn.LocallyWeightedPool(D, 3, 2, kind).double()
    again = copy.deepcopy(layer)
    again.load_state_dict(layer.state_dict())
    want = layer(BATCH.right, lengths=LENGTHS)
    torch.testing.assert_close(again(BATCH.right, mask=BATCH.right_mask), want)
    if kind != "local-p":
        flat = layer(BATCH.flat[:10], offsets=[0, 7, 10])
        torch.testing.assert_close(flat, torch.cat([want[0], want[1, :1]]))
    x = BATCH.right.clone().requires_grad_()
    layer(x, lengths=LENGTHS).sum().backward()
    assert torch.isfinite(x.grad).all()
    small = torch.randn(2, 5, D, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda t, *p: layer(t, lengths=[5, 2]), (small, *layer.parameters()))
    assert layer(BATCH.right[:0]).shape == (0, 3, D) and layer(BATCH.right[:, :0]).shape == (5, 0, D)
    assert layer(small[:, :2]).shape == (2, 1, D)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.isfinite(copy.deepcopy(layer).float()(BATCH.right.float(), lengths=LENGTHS)).all()


def test_wrong_arguments() -> None:
    for call, sentence in (
        (lambda: nn.LocallyWeightedPool(D, 3, weighting="flat"), "use one of 'learned'"),
        (
            lambda: nn.LocallyWeightedPool(D, 3, weighting="local-p")(BATCH.flat.float(), offsets=[0, 7]),
            "lengths= or mask=",
        ),
        (lambda: nn.LocallyWeightedPool(D, 0), "size"),
    ):
        with pytest.raises(ap.PoolingError, match=sentence):
            call()
