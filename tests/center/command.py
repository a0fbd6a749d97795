"""The program ``center`` within this process, for tests that run it many times."""

import contextlib
import io
from dataclasses import dataclass

import pytest

from center.cli import main_center


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str


def center(*arguments: object) -> Ran:
    """Run ``center`` to its end."""
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2))
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), pytest.raises(SystemExit) as end:
        main_center([str(argument) for argument in arguments])
    texts = [stream.buffer.getvalue().decode() for stream in (out, err)]
    assert isinstance(end.value.code, int)
    return Ran(end.value.code, *texts)
