"""The hostile day, lived once for all who look at what it left; a folder whose name is short enough for sockets."""

import pickle
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.day import hostile_day
from tests.day.real_day import once


@pytest.fixture
def short_tmp() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="d-") as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def hostile_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return once(tmp_path_factory, "hostile", hostile_day.make)


@pytest.fixture(scope="session")
def evidence(hostile_folder: Path) -> hostile_day.Evidence:
    pickled = (hostile_folder / hostile_day.EVIDENCE).read_bytes()
    evidence: hostile_day.Evidence = pickle.loads(pickled)  # noqa: S301 - our own, of a moment ago
    return evidence
