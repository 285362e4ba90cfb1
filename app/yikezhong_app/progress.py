"""How long work tells what it does, whoever listens: a bar, a job, nobody."""

from __future__ import annotations

from collections.abc import Callable

#: Takes the Chinese name of a step and the fraction done, in [0, 1].
ProgressCall = Callable[[str, float], None]


def part(call: ProgressCall, start: float, end: float) -> ProgressCall:
    """Return a progress call that fills only ``start``…``end`` of ``call``.

    Examples
    --------
    >>> told = []
    >>> part(lambda step, fraction: told.append((step, fraction)), 0.5, 1.0)("汇总", 0.5)
    >>> told
    [('汇总', 0.75)]
    """
    return lambda step, fraction: call(step, start + (end - start) * fraction)
