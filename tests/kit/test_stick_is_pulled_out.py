"""A stick that is pulled out, full, lying or prepared by a stranger: what is under its name is whole, or was before."""

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kit.cli import courier_words, medium

OLD, NEW = b"as it was", b"as it should be"
STEPS = ("open", "fdopen", "fsync", "posix_fadvise", "read", "replace", "open-folder", "fsync-folder")


class Pulled:
    """Lets a system call fail: the ``at``-th step of ``put``."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, step: str, error: int) -> None:
        self.failed = 0
        self._error, self._step = error, step
        open_, fsync = os.open, os.fsync
        syncs = 0

        def opened(path: Any, flags: int, *rest: Any, **named: Any) -> int:
            folder = bool(flags & os.O_DIRECTORY)
            self._maybe("open-folder" if folder else "open")
            return open_(path, flags, *rest, **named)

        def synced(descriptor: int) -> None:
            nonlocal syncs
            syncs += 1
            self._maybe("fsync" if syncs == 1 else "fsync-folder")
            fsync(descriptor)

        monkeypatch.setattr(os, "open", opened)
        monkeypatch.setattr(os, "fsync", synced)
        self._wrap(monkeypatch, os, "fdopen", "fdopen")
        self._wrap(monkeypatch, os, "posix_fadvise", "posix_fadvise")
        self._wrap(monkeypatch, Path, "read_bytes", "read")
        self._wrap(monkeypatch, Path, "replace", "replace")

    def _wrap(self, monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, step: str) -> None:
        real: Callable[..., Any] = getattr(owner, name)

        def called(*given: Any, **named: Any) -> Any:
            self._maybe(step)
            return real(*given, **named)

        monkeypatch.setattr(owner, name, called)

    def _maybe(self, step: str) -> None:
        if step == self._step:
            self.failed += 1
            raise OSError(self._error, os.strerror(self._error))


@pytest.mark.parametrize("error", [errno.EIO, errno.ENOSPC, errno.EROFS, errno.ENODEV])
@pytest.mark.parametrize("step", STEPS)
def test_half_a_file_gets_the_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, error: int
) -> None:
    target = tmp_path / "x-bundle.json"
    target.write_bytes(OLD)
    with monkeypatch.context() as patch:
        pulled = Pulled(patch, step, error)
        with pytest.raises(OSError, match=os.strerror(error)):
            medium.put(target, NEW, replace=True)
        assert pulled.failed >= 1
    assert target.read_bytes() == (NEW if step.endswith("-folder") else OLD)
    assert [path.name for path in tmp_path.iterdir()] == [target.name], "no draft stays"
    medium.put(target, NEW, replace=True)
    assert target.read_bytes() == NEW, "and the next attempt succeeds"


def test_medium_is_full() -> None:
    with pytest.raises(OSError, match="/dev/full"):
        medium.put(Path("/dev/full"), NEW, replace=True)


def test_draft_of_a_stick_that_was_pulled_out_is_in_the_way(tmp_path: Path) -> None:
    (tmp_path / ".x.json.part").write_bytes(b"half")
    medium.put(tmp_path / "x.json", NEW, replace=False)
    assert [path.name for path in tmp_path.iterdir()] == ["x.json"]


def test_envelope_of_another_kit_is_written_over(tmp_path: Path) -> None:
    target = tmp_path / "x.dsse.json"
    target.write_bytes(OLD)
    with pytest.raises(FileExistsError, match="another file is there"):
        medium.put(target, NEW, replace=False)
    assert target.read_bytes() == OLD


def test_name_cannot_stand_on_a_fat_stick() -> None:
    assert medium.stem("province:7", "device-1") == "province_7-device-1"
    assert medium.stem("a:b", "c") != medium.stem("a.b", "c")


def test_one_language_says_more_than_the_other() -> None:
    english, persian = courier_words.KEYS
    assert english == persian
    for key in english:
        fields = {part.split("}")[0] for part in courier_words._EN[key].split("{")[1:]}
        assert fields == {part.split("}")[0] for part in courier_words._FA[key].split("{")[1:]}, key
