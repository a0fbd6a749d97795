"""What all tests share: hypothesis profiles, peers, and which tests run when nobody says which."""

import os
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, settings

from tests import peers

# Deadlines and "too slow" measure the machine, not the code: CI's is shared and noisy.
_PATIENT = [HealthCheck.too_slow]
settings.register_profile("dev", max_examples=30, deadline=None, suppress_health_check=_PATIENT)
settings.register_profile(
    "ci", max_examples=30, deadline=None, derandomize=True, print_blob=True, suppress_health_check=_PATIENT
)
settings.register_profile(
    "nightly", max_examples=2_000, deadline=None, print_blob=True, suppress_health_check=_PATIENT
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if peers.in_ci() else "dev"))


@pytest.fixture
def require_program() -> Callable[[str], str]:
    """``tests.peers.require_program`` for tests that like fixtures."""
    return peers.require_program


def pytest_runtest_setup(item: pytest.Item) -> None:
    """``@pytest.mark.peer("mosquitto")`` names the programs that a test needs."""
    for marker in item.iter_markers("peer"):
        for program in marker.args:
            peers.require_program(program)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Long campaigns run only when ``-m`` asks for them."""
    if config.option.markexpr:
        return
    campaigns = [item for item in items if item.get_closest_marker("nightly")]
    if campaigns:
        config.hook.pytest_deselected(items=campaigns)
        items[:] = [item for item in items if item not in campaigns]
