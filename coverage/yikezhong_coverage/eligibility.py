"""Which facilities count for a service, and why the others do not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from yikezhong_coverage.records import BoolArray, Service


@dataclass(frozen=True, eq=False)
class Eligibility:
    """The facilities of a service's categories, in four disjoint groups.

    Each is an ndarray of bool, shape (n_facility,). Facilities of other categories are
    in none of them.

    Parameters
    ----------
    eligible
        Open, with every function asked for.
    lacks_function
        Open, functions known, one of those asked for is missing.
    not_open
        Planned, closed or of unknown status, but with every function asked for.
    unknown_functions
        The functions asked for may or may not be there: not counted, to be listed.
    """

    eligible: BoolArray
    lacks_function: BoolArray
    not_open: BoolArray
    unknown_functions: BoolArray


def judge_eligibility(
    service: Service,
    *,
    category: NDArray[np.object_],
    functions: Sequence[frozenset[str] | None],
    status: NDArray[np.object_],
) -> Eligibility:
    """Sort facilities by whether and why they count for a service.

    Parameters
    ----------
    service : Service
    category : ndarray of str, shape (n_facility,)
    functions : sequence of frozenset of str or None, length n_facility
        Functions offered; None where they are not known.
    status : ndarray of str, shape (n_facility,)
        ``open``, ``planned``, ``closed`` or ``unknown``, as of the study's date.

    Returns
    -------
    Eligibility
        A facility that is neither open nor has the functions is in no group: it would
        not serve even if it opened.

    Examples
    --------
    >>> meal = Service("meal", "助餐", ("day_care",), functions=("meal",))
    >>> found = judge_eligibility(
    ...     meal,
    ...     category=np.array(["day_care"] * 3 + ["school"], dtype=object),
    ...     functions=[frozenset({"meal"}), frozenset(), None, None],
    ...     status=np.array(["open"] * 4, dtype=object),
    ... )
    >>> found.eligible.tolist(), found.lacks_function.tolist()
    ([True, False, False, False], [False, True, False, False])
    """
    asked = frozenset(service.functions)
    member = np.isin(category.astype(str), service.categories)
    is_open = status.astype(str) == "open"
    has_all = np.array([f is not None and asked <= f for f in functions], dtype=bool)
    unknown = np.array([f is None for f in functions], dtype=bool)
    if not asked:
        has_all = np.ones(len(functions), dtype=bool)
        unknown = np.zeros(len(functions), dtype=bool)
    return Eligibility(
        eligible=member & is_open & has_all,
        lacks_function=member & is_open & ~has_all & ~unknown,
        not_open=member & ~is_open & has_all,
        unknown_functions=member & is_open & unknown,
    )
