"""As many frames as are wanted, spread over shots and films."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def spread(shots: Sequence[int], ranks: Sequence[int], count: int, seed: int) -> list[int]:
    """Chooses `count` of the frames: the best of each shot first, then the next, ...

    Where a rank has more frames than are still wanted, they are taken at even distances over all
    films; the seed decides where that begins.

    Args:
        shots: the shot of each frame, in the order of the films.
        ranks: 0 for the best frame of its shot, 1 for the next, ...
        count: how many are wanted.
        seed: another one chooses others.

    Returns:
        Their indices, sorted; all of them where there are no more than `count`.
    """
    if len(shots) <= count:
        return list(range(len(shots)))
    # Copies have been left out, so that the ranks of a shot may begin late and have holes.
    by_shot: dict[int, list[int]] = {}
    for index in np.lexsort((ranks, shots)):
        by_shot.setdefault(shots[index], []).append(int(index))
    rounds: dict[int, list[int]] = {}
    for indices in by_shot.values():
        for rank, index in enumerate(indices):
            rounds.setdefault(rank, []).append(index)
    offset = np.random.default_rng(seed).random()
    chosen: list[int] = []
    for rank in sorted(rounds):
        left = count - len(chosen)
        indices = sorted(rounds[rank])
        if len(indices) > left:
            places = (np.arange(left) + offset) * len(indices) / max(left, 1)
            indices = [indices[int(place)] for place in places]
        chosen += indices
    return sorted(chosen)
