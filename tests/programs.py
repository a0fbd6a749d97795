"""Programs within this process, run to their end: an interpreter of its own takes each as long as many tests."""

import contextlib
import io
import os
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from unittest.mock import patch

import pytest


@dataclass(frozen=True)
class Ended:
    """As ``subprocess.CompletedProcess`` has it."""

    returncode: int
    stdout: str
    stderr: str


def typed(main: Callable[[], None], *words: object, **environment: str) -> Ended:
    """What its entry point does with these words (the first is the program's name) and this environment.

    It gets no process: nothing that is sent to one, or that one forgets when it ends, can be seen here.
    """
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2))
    with (
        patch.object(sys, "argv", [str(word) for word in words]),
        patch.dict(os.environ, {"LC_ALL": "C.UTF-8", **environment}),
        patch.object(tempfile, "tempdir", environment.get("TMPDIR", tempfile.tempdir)),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        pytest.raises(SystemExit) as end,
    ):
        main()
    code = end.value.code
    assert isinstance(code, int), "a program that ends with a sentence ends with 1, which says nothing"
    return Ended(code, *(stream.buffer.getvalue().decode() for stream in (out, err)))
