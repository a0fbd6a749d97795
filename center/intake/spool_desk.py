"""centerd's desk for files: looks into the spool, puts what is there into the inbox, lays it aside once it is logged.

A spool that fails stops nothing else: envelopes of branches go on, and the spool is looked at again.
"""

import asyncio
from typing import Final

import structlog

from center.errors import CenterError
from center.intake.admission import SPOOL, Duplicate, Judged, Refused
from center.intake.spool import ForeignFileError, Result, Spool, envelope_in
from center.ports import Delivery, Sink
from crypto.errors import EvidenceError
from crypto.manifest import TrustedManifest

LOOK_S: Final = 0.5  # between two looks into the spool
FAILURE_PAUSE_S: Final = 15.0  # after the disk refused
BATCH_MAX: Final = 64  # files on their way through the inbox at a time

_log = structlog.get_logger("centerd.spool")


class SpoolDesk:
    """Only ``run`` and ``settle`` touch the folder, both from the event loop: the files are few and small."""

    def __init__(self, spool: Spool, manifest: TrustedManifest, sink: Sink) -> None:
        self._spool = spool
        self._manifest = manifest
        self._sink = sink
        self._on_their_way: set[str] = set()
        self._failed = False

    async def run(self) -> None:
        """Look again and again until cancelled; never returns by itself."""
        while True:
            try:
                self._look()
            except CenterError as error:
                self._tell(error)
            await asyncio.sleep(FAILURE_PAUSE_S if self._failed else LOOK_S)

    def settle(self, name: str, judged: Judged, leaf: int | None) -> None:
        """A file's verdict is durable in the ledger. ``leaf`` is where it stands, None when it was refused."""
        self._on_their_way.discard(name)
        try:
            if isinstance(judged, Refused) or leaf is None:
                self._spool.refuse(name, judged.reason if isinstance(judged, Refused) else "not logged")
            else:
                held = isinstance(judged, Duplicate)
                self._spool.accept(name, Result(sha256=judged.sha256, leaf=leaf, held=held))
        except CenterError as error:
            # It stays where it is, is judged again, and is a duplicate then.
            self._tell(error)

    def _look(self) -> None:
        waiting = self._spool.waiting()
        self._failed = False
        for name in waiting:
            if len(self._on_their_way) >= BATCH_MAX:
                return
            if name in self._on_their_way:
                continue
            try:
                payload = envelope_in(self._spool.read(name), self._manifest)
            except (ForeignFileError, EvidenceError) as error:
                _log.warning("file-refused", file=name, reason=str(error))
                self._spool.refuse(name, str(error))
                continue
            if not self._sink(Delivery(SPOOL, payload, session=0, mid=0, qos=0, file=name)):
                return
            self._on_their_way.add(name)

    def _tell(self, error: CenterError) -> None:
        if not self._failed:
            _log.error(
                "spool-fails", error=str(error), advice="nothing is lost: files wait until it works again"
            )
        self._failed = True
