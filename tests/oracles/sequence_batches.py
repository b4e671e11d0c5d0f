"""One batch of sequences in every form, and each layer of sequences: shared by these tests."""

from __future__ import annotations

from typing import Any

import torch

import anypool as ap
from anypool import nn

D, T = 6, 7
LENGTHS = torch.tensor([7, 3, 0, 1, 5])
REDUCTIONS: dict[str, Any] = {
    **{m: m for m in ("first", "last", "mean", "max", "min", "sum", "mean_sqrt_len", "weightedmean", "median", "std")},
    "Lp(3)": ap.Lp(3),
    "several": ("mean", "max", "weightedmean"),
}
SCORES = ("additive", "dot", "general", "gated")


def layers() -> dict[str, Any]:
    """Each layer in float64."""
    torch.manual_seed(0)
    made: dict[str, Any] = {f"SequencePool {n}": nn.SequencePool(m) for n, m in REDUCTIONS.items()}
    made |= {"StatisticsPool": nn.StatisticsPool(), "AttentiveStatisticsPool": nn.AttentiveStatisticsPool(D)}
    made["AttentiveStatisticsPool channelwise"] = nn.AttentiveStatisticsPool(D, 4, True)
    for query in (False, True):
        made |= {f"AttentionPool {s} query={query}": nn.AttentionPool(D, s, query=query) for s in SCORES}
        made |= {f"AttentionPool {s} 2 x 3 query={query}": nn.AttentionPool(D, s, None, 2, 3, query) for s in SCORES}
    made |= {"PMA": nn.PMA(D, 2, 3), "SimPool": nn.SimPool(D), "SimPool 2": nn.SimPool(D, 2.0)}
    return {name: layer.double() for name, layer in made.items()}


def query_of(name: str, batch: int = len(LENGTHS)) -> dict[str, Any]:
    """The query that a layer takes."""
    rows = torch.randn(len(LENGTHS), D, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    return {"query": rows[:batch]} if "query=True" in name else {}


class Batch:
    """Sequences with NaN as padding, in every form."""

    def __init__(self, lengths: torch.Tensor = LENGTHS, time: int = T, dtype: torch.dtype = torch.float64) -> None:
        generator = torch.Generator().manual_seed(2)
        self.rows = [torch.randn(n, D, dtype=dtype, generator=generator) for n in lengths.tolist()]
        self.lengths = lengths
        self.right, self.right_mask = self._placed(time, lambda n: torch.arange(n))
        self.left, self.left_mask = self._placed(time, lambda n: torch.arange(time - n, time))
        self.holes, self.holes_mask = self._placed(
            time, lambda n: torch.randperm(time, generator=generator)[:n].sort().values
        )
        self.flat = torch.cat(self.rows)
        self.offsets = torch.cat([torch.zeros(1, dtype=torch.int64), lengths.cumsum(0)])

    def _placed(self, time: int, at: Any) -> tuple[Any, Any]:
        x = torch.full((len(self.rows), time, D), torch.nan, dtype=self.rows[0].dtype)
        mask = torch.zeros(len(self.rows), time, dtype=torch.bool)
        for i, row in enumerate(self.rows):
            here = at(len(row))
            x[i, here], mask[i, here] = row, True
        return x, mask

    def forms(self) -> dict[str, tuple[Any, dict[str, Any]]]:
        """The arguments of each form."""
        return {
            "mask": (self.right, {"mask": self.right_mask}),
            "lengths": (self.right, {"lengths": self.lengths}),
            "left": (self.left, {"mask": self.left_mask}),
            "holes": (self.holes, {"mask": self.holes_mask.int()}),
            "offsets": (self.flat, {"offsets": self.offsets}),
        }
