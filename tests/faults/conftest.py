"""One result in two states for all fault tests; each that changes it takes a copy."""

from __future__ import annotations

import pytest

from fault_cases import TwoStates, two_states


@pytest.fixture(scope="session")
def states(tmp_path_factory: pytest.TempPathFactory) -> TwoStates:
    return two_states(tmp_path_factory.mktemp("states"))
