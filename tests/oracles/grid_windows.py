"""Regular windows of two axes that the compiled gradients are tested with."""

from __future__ import annotations

import anypool as ap

WINDOWS = {
    "2x2/2": ap.sliding((2, 2)),
    "3x3/1 padded": ap.sliding((3, 3), 1, 1),
    "3x3/2 padded": ap.sliding((3, 3), 2, 1),
    "5x4/3": ap.sliding((5, 4), 3, 2),
    "15x15/1": ap.sliding((15, 15), 1, 7),
    "31x31/1": ap.sliding((31, 31), 1, 15),
    "dilated": ap.sliding((3, 2), 2, 2, 3),
    "apart": ap.sliding((2, 2), 3),
    "adaptive": ap.adaptive((5, 7)),
    "reflected": ap.sliding((3, 3), 1, 1, border="reflect"),
    "count padded": ap.sliding((3, 3), 2, 1, count="padded"),
    "larger than x": ap.sliding((40, 50), 3, (3, 2)),
}
