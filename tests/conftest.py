"""What all tests share: hypothesis profiles, peers, and which tests run when nobody says which."""

import asyncio
import faulthandler
import gc
import io
import os
from collections.abc import Callable, Generator
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, settings

from tests import order, peers

CLEAN_UP_S: Final = 60.0  # for what a test that took too long leaves behind

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


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Thousands of tests are read in, and none of it is garbage."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()


def pytest_collection_finish() -> None:
    """Every simulated world looks for garbage at its end: among what it left, not among all tests that were read in."""
    gc.collect()
    gc.freeze()


def pytest_runtest_setup(item: pytest.Item) -> None:
    """``@pytest.mark.peer("mosquitto")`` names the programs that a test needs."""
    for marker in item.iter_markers("peer"):
        for program in marker.args:
            peers.require_program(program)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    call: pytest.CallInfo[None],
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Of a test that took too long, show what every task of asyncio was waiting for."""
    report = yield
    if _took_too_long(call):
        report.sections.append(("tasks of asyncio", _tasks()))
    return report


@pytest.hookimpl(trylast=True)
def pytest_exception_interact(call: pytest.CallInfo[object]) -> None:
    """What did not end in time may hang while it is cleaned up, too: then its worker ends, and the others go on.

    pytest gives up faulthandler's timer for good at a failure (hence "last"), and cancels this one after the test.
    """
    if _took_too_long(call):
        faulthandler.dump_traceback_later(CLEAN_UP_S, exit=True)


def _took_too_long(call: pytest.CallInfo[Any]) -> bool:
    return call.excinfo is not None and "Timeout" in call.excinfo.exconly()


def _tasks() -> str:
    text = io.StringIO()
    # Not asyncio.all_tasks: no loop runs where this is asked.
    for task in [each for each in gc.get_objects() if isinstance(each, asyncio.Task) and not each.done()]:
        task.print_stack(file=text)
    return text.getvalue()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Long campaigns run only when ``-m`` asks for them; several workers begin with what takes long."""
    if not config.option.markexpr:
        campaigns = {item for item in items if item.get_closest_marker("nightly")}
        if campaigns:
            config.hook.pytest_deselected(items=list(campaigns))
            items[:] = [item for item in items if item not in campaigns]
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    if workers > 1:
        items[:] = order.dealt(items, workers)
