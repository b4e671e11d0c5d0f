"""What each layer of sequences computes, by hand on each sequence."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from sequence_batches import LENGTHS, Batch, D

import anypool as ap
from anypool import nn

BATCH = Batch()


def test_modes() -> None:
    by_hand: dict[str, Any] = {
        "cls": lambda v: v[0],
        "lasttoken": lambda v: v[-1],
        "mean_sqrt_len_tokens": lambda v: v.sum(0) / math.sqrt(len(v)),
        "weightedmean": lambda v: (v * torch.arange(1, len(v) + 1)[:, None]).sum(0) / sum(range(1, len(v) + 1)),
        "std": lambda v: v.std(0, unbiased=False),
        "min": lambda v: v.amin(0),
    }
    for form, (x, how) in BATCH.forms().items():
        y = nn.SequencePool(tuple(by_hand), empty=-1.0)(x, **how).reshape(len(LENGTHS), len(by_hand), D)
        for i, row in enumerate(BATCH.rows):
            for k, f in enumerate(by_hand.values()):
                torch.testing.assert_close(y[i, k], f(row) if len(row) else torch.full((D,), -1.0).double(), msg=form)
    kept = nn.SequencePool(ap.KMax(2))(BATCH.right[:2], lengths=LENGTHS[:2]).reshape(2, 2, D)
    torch.testing.assert_close(kept[1].sort(0, descending=True).values, BATCH.rows[1].topk(2, 0).values)
    learned = nn.SequencePool(ap.PowerMean(torch.tensor(2.0, requires_grad=True)))
    assert [tuple(p.shape) for p in learned.parameters()] == [()]
    for wrong, sentence in (("avrage", "unknown reduction"), ((), "at least one"), ("argmax", "gives positions")):
        with pytest.raises(ap.PoolingError, match=sentence):
            nn.SequencePool(wrong)


@pytest.mark.parametrize("heads", [1, 3])
def test_attention(heads: int) -> None:
    scores: dict[str, Any] = {
        "additive": lambda s, h, q: s.vector(torch.tanh(s.token(h) + (0 if q is None else s.query(q)))),
        "gated": lambda s, h, q: s.vector(
            torch.tanh(s.token(h) + (0 if q is None else s.query(q))) * torch.sigmoid(s.gate(h))
        ),
        "dot": lambda s, h, q: (h * (s.context[0] if q is None else q)).reshape(len(h), heads, D // heads).sum(-1),
        "general": lambda s, h, q: (
            (s.matrix(h) * (s.context[0] if q is None else q)).reshape(len(h), heads, D // heads).sum(-1)
        ),
    }
    queries = torch.randn(len(LENGTHS), D, dtype=torch.float64)
    for kind, score in scores.items():
        for query in (None, queries):
            layer = nn.AttentionPool(D, kind, heads=heads, query=query is not None).double()
            for x, how in BATCH.forms().values():
                y, weights = layer(x, **how, need_weights=True, query=query)
                for i, row in enumerate(BATCH.rows):
                    logits = score(layer.scores, row, None if query is None else query[i])
                    alpha = logits.softmax(0)
                    parts = row.reshape(len(row), heads, D // heads) * alpha[..., None]
                    torch.testing.assert_close(y[i], parts.sum(0).reshape(-1))
                    if "mask" in how:
                        torch.testing.assert_close(weights[i][:, how["mask"][i] != 0], alpha.T)
                        assert not weights[i][:, how["mask"][i] == 0].any()
                    elif "offsets" in how:
                        torch.testing.assert_close(weights[:, how["offsets"][i] : how["offsets"][i + 1]], alpha.T)


def test_hops_and_their_penalty() -> None:
    layer = nn.AttentionPool(D, hops=3).double()
    y, weights = layer(BATCH.right, lengths=LENGTHS, need_weights=True)
    assert y.shape == (len(LENGTHS), 3 * D) and weights.shape == (len(LENGTHS), 3, 7)
    torch.testing.assert_close(y.reshape(-1, 3, D)[0], weights[0] @ BATCH.right[0])
    torch.testing.assert_close(
        layer.penalty(weights), torch.stack([torch.linalg.matrix_norm(a @ a.T - torch.eye(3)) ** 2 for a in weights])
    )


def test_large_scores_and_wrong_queries() -> None:
    layer = nn.AttentionPool(D, "dot")
    x = torch.randn(2, 4, D) * 1e4
    y, weights = layer(x, need_weights=True)
    assert torch.isfinite(y).all() and torch.allclose(weights.sum(-1), torch.ones(2, 1))
    asks = nn.AttentionPool(D, query=True)
    for call, sentence in (
        (lambda: layer(x, query=torch.ones(2, D)), "has a learned one"),
        (lambda: asks(x), r"query is missing.*\(batch, 6\)"),
        (lambda: asks(x, query=torch.ones(2, D + 1)), r"query of shape \(2, 7\): give \(2, 6\)"),
        (lambda: asks(x, query=torch.ones(3, D)), r"give \(2, 6\)"),
        (lambda: layer(x[..., :4]), "has 4 features: the layer has 6"),
        (lambda: nn.AttentionPool(D, heads=4), "heads=4 do not divide dim=6"),
        (lambda: nn.PMA(D, heads=4), "heads=4 do not divide dim=6"),
        (lambda: nn.AttentionPool(D, "cosine"), "use one of 'additive'"),
        (lambda: nn.AttentionPool(D, "dot", hidden=3), "only additive and gated"),
        (lambda: nn.SimPool(D, gamma=0.0), "finite number above 0"),
    ):
        with pytest.raises(ap.PoolingError, match=sentence):
            call()


def test_statistics() -> None:
    y = nn.StatisticsPool()(BATCH.right, lengths=LENGTHS)
    row = BATCH.rows[1]
    torch.testing.assert_close(y[1], torch.cat([row.mean(0), row.std(0, unbiased=False)]))
    assert not y[3, D:].any()  # one frame
    far = nn.StatisticsPool()(torch.tensor([[[1e4], [1e4 + 1]]]))
    torch.testing.assert_close(far, torch.tensor([[1e4 + 0.5, 0.5]]))
    for channelwise in (False, True):
        layer = nn.AttentiveStatisticsPool(D, 4, channelwise).double()
        y = layer(BATCH.flat, offsets=BATCH.offsets)
        alpha = layer.vector(torch.tanh(layer.token(row))).softmax(0)
        mean = (alpha * row).sum(0)
        std = (alpha * (row - mean) ** 2).sum(0).sqrt()
        torch.testing.assert_close(y[1], torch.cat([mean, std]))


def test_set_attention_is_that_of_torch() -> None:
    layer = nn.PMA(D, 2, 3).double()
    theirs = torch.nn.MultiheadAttention(D, 3, batch_first=True, dtype=torch.float64)
    with torch.no_grad():
        theirs.in_proj_weight.copy_(torch.cat([m.weight for m in (layer.query, layer.key, layer.value)]))
        theirs.in_proj_bias.copy_(torch.cat([m.bias for m in (layer.query, layer.key, layer.value)]))
        theirs.out_proj.load_state_dict(layer.out.state_dict())
    for i, y in enumerate(layer(BATCH.right, mask=BATCH.right_mask)):
        z = layer.before(BATCH.rows[i])[None]
        attended = theirs(layer.seeds[None], z, z)[0] if z.shape[1] else layer.out.bias.expand(1, 2, D)
        h = layer.norm(layer.seeds + attended)
        torch.testing.assert_close(y, layer.last_norm(h + layer.after(h))[0])


def test_attention_of_the_mean_token() -> None:
    layer, row = nn.SimPool(D).double(), BATCH.rows[4]
    v = layer.norm(row)
    alpha = (layer.key(v) @ layer.query(layer.query_norm(row.mean(0))) / math.sqrt(D)).softmax(0)
    torch.testing.assert_close(layer(BATCH.right, lengths=LENGTHS)[4], alpha @ v)
    power = nn.SimPool(D, 2.0).double()
    power.load_state_dict(layer.state_dict())
    want = (alpha @ (v - v.min() + 1e-6) ** 2).sqrt()
    torch.testing.assert_close(power(BATCH.right, lengths=LENGTHS)[4], want)


def test_fixed_length() -> None:
    x = torch.arange(8.0).reshape(2, 4, 1)
    y, mask = nn.fixed_length(x, 6, "left", -1.0, lengths=[4, 2])
    assert y[0, :, 0].tolist() == [-1, -1, 0, 1, 2, 3] and mask.long().tolist() == [
        [0, 0, 1, 1, 1, 1],
        [0, 0, 1, 1, 0, 0],
    ]
    y, mask = nn.fixed_length(x, 3)
    assert y[1, :, 0].tolist() == [4, 5, 6] and mask.all()
    y, mask = nn.fixed_length(x, 3, side="left", mask=torch.tensor([[1, 1, 0, 0], [0, 1, 1, 1]]))
    assert y[1, :, 0].tolist() == [5, 6, 7] and mask.long().tolist() == [[1, 0, 0], [1, 1, 1]]
    for call, sentence in (
        (lambda: nn.fixed_length(x, -1), "length"),
        (lambda: nn.fixed_length(x, 3, "top"), "use 'right' or 'left'"),
        (lambda: nn.fixed_length(x[0, :, 0], 3), "give a tensor"),
        (lambda: nn.fixed_length(x, 3, lengths=[5, 1]), "for 4 positions"),
    ):
        with pytest.raises(ap.PoolingError, match=sentence):
            call()
