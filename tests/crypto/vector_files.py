"""Other people's test vectors: the committed part, and the full files where they lie beside the clone."""

import json
from pathlib import Path
from typing import Any

import pytest

COMMITTED = Path(__file__).parent / "vectors"
SHARED = Path(__file__).parents[3] / "shared" / "vectors"

needs_shared = pytest.mark.skipif(not SHARED.exists(), reason="shared/vectors is not beside this clone")


def committed(name: str) -> Any:
    return json.loads((COMMITTED / name).read_text("utf-8"))


def shared(name: str) -> Any:
    return json.loads((SHARED / name).read_text("utf-8"))
