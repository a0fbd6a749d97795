"""centerd: gather a batch, make it durable, acknowledge, send receipts. Knows no MQTT and no SQLite."""

import asyncio
import contextlib
from dataclasses import dataclass
from typing import Final

import structlog

from center.commands.desk import CommandDesk
from center.config import Setup
from center.intake.inbox import Inbox
from center.intake.intake import Intake, Outcome
from center.intake.missing_parts import MissingPartsDesk
from center.intake.push_desk import PushDesk
from center.intake.pushes import Pushes
from center.intake.schedule_desk import ScheduleDesk
from center.intake.spool_desk import SpoolDesk
from center.log.ledger import Ledger
from center.log.ledger_file import LedgerIdentity
from center.log.ledger_manifest import check_manifest
from center.log.sequencer import Sequencer
from center.ports import CenterPorts, Delivery, Session, SessionSettings
from center.witness.desk import WitnessDesk
from crypto.wire import topic_all_envelopes, topic_probe, topic_schedule

BATCH_MAX: Final = 128  # messages under one commit
BATCH_WAIT_MS: Final = 5  # how long to gather after the first message
IDLE_MS: Final = 10_000  # how long to wait for a message before looking around

_log = structlog.get_logger("centerd")


class CenterDaemon:
    """The receiving centre of one election round, on one state directory.

    ``run`` raises AlreadyRunningError, LedgerError or LedgerCorruptError; whatever was not durable then was not
    acknowledged, and comes again.
    """

    def __init__(self, config: Setup, ports: CenterPorts) -> None:
        self._config = config
        self._ports = ports
        self._inbox = Inbox()
        self._stopping = False

    def stop(self) -> None:
        """Ask ``run`` to return after the batch at hand. What is not acknowledged stays with the broker."""
        self._stopping = True
        self._inbox.wake()

    async def run(self) -> None:
        """Serve until ``stop``."""
        release = self._ports.lock(self._config.state_dir)
        try:
            ledger = self._open_ledger()
            try:
                check_manifest(ledger, self._config.manifest)
                await self._serve(ledger)
            finally:
                ledger.close()
        finally:
            release()

    def _open_ledger(self) -> Ledger:
        manifest = self._config.manifest.manifest
        identity = LedgerIdentity(manifest.election, manifest.round, self._config.signer.name)
        ports = self._ports
        return Ledger.open(
            self._config.ledger_path, identity, vfs=ports.vfs, exclusive=ports.exclusive_locking
        )

    async def _serve(self, ledger: Ledger) -> None:
        running = self._start_on(ledger)
        desks = (
            running.session,
            running.schedules,
            running.files,
            running.witnesses,
            running.pushes,
            running.commands,
        )
        tasks = [asyncio.create_task(one.run()) for one in desks if one is not None]
        for task in tasks:
            task.add_done_callback(lambda _: self._inbox.wake())
        manifest = self._config.manifest
        _log.info(
            "started",
            log_size=running.sequencer.size,
            manifest_sha256=manifest.sha256,
            earlier_manifests=[one.sha256 for one in manifest.earlier],
        )
        self._ports.notify("READY=1")
        try:
            while not self._stopping:
                await self._turn(running)
                if running.witnesses is not None:
                    running.witnesses.wake()
                for task in tasks:
                    if task.done():
                        task.result()
                        raise AssertionError("a task that never ends has ended by itself")
        finally:
            self._ports.notify("STOPPING=1")
            for task in tasks:
                task.cancel()
            for task in tasks:
                with contextlib.suppress(asyncio.CancelledError):
                    await task
            _log.info("stopped", log_size=running.sequencer.size)

    def _start_on(self, ledger: Ledger) -> "_Running":
        manifest = self._config.manifest
        sequencer = Sequencer(ledger, self._config.signer, manifest.manifest.witness_policy)
        session = self._ports.session(self._session_settings(), self._inbox.push)
        schedule_topic = topic_schedule(manifest.manifest.election)
        changes = (entry.data for entry in ledger.acts("schedule-change"))
        pushes = Pushes(manifest, ledger, sequencer)
        push_desk = PushDesk(sequencer, pushes, session.send) if manifest.manifest.witness_policy.m else None
        return _Running(
            ledger=ledger,
            sequencer=sequencer,
            intake=Intake(manifest, ledger, sequencer, pushes),
            session=session,
            schedules=ScheduleDesk(changes, lambda data: session.send(schedule_topic, data)),
            files=self._spool_desk(),
            witnesses=self._witness_desk(sequencer, push_desk),
            pushes=push_desk,
            commands=self._command_desk(session),
            missing_parts=MissingPartsDesk(manifest.manifest.election, self._config.signer),
        )

    def _spool_desk(self) -> SpoolDesk | None:
        if self._ports.spool is None:
            return None
        spool = self._ports.spool(self._config.state_dir)
        spool.prepare()
        spool.clear_unfinished(wall_ms=self._ports.wall_ms())
        return SpoolDesk(spool, self._config.manifest, self._inbox.push)

    def _command_desk(self, session: Session) -> CommandDesk | None:
        if self._ports.commands is None:
            return None
        store = self._ports.commands(self._config.state_dir)
        store.prepare()
        return CommandDesk(
            store,
            self._config.manifest,
            self._config.signer,
            session.send,
            self._ports.wall_ms,
            self._config.keep.refused,
        )

    def _witness_desk(self, sequencer: Sequencer, pushes: PushDesk | None) -> WitnessDesk | None:
        ask, witnesses = self._ports.ask_witness, self._config.witnesses
        if ask is None or not witnesses:
            return None
        on_cosigned = None if pushes is None else pushes.wake
        return WitnessDesk(sequencer, witnesses, ask, self._ports.wall_ms, on_cosigned=on_cosigned)

    async def _turn(self, running: "_Running") -> None:
        idle_ms = min(IDLE_MS, (self._ports.watchdog_ms or 2 * IDLE_MS) // 2)
        batch = await self._inbox.take(count_max=BATCH_MAX, wait_ms=BATCH_WAIT_MS, idle_ms=idle_ms)
        if running.commands is not None:
            running.commands.relieve(self._inbox.share)
        if self._ports.watchdog_ms is not None:
            self._ports.notify("WATCHDOG=1")
        if not batch:
            return
        wishes, envelopes = running.missing_parts.sort(batch)
        messages = [(delivery.topic, delivery.payload) for delivery in envelopes]
        outcome = running.intake.process(messages, wall_ms=self._ports.wall_ms())
        # Durable from here on: only now may the broker forget, and a file be laid aside.
        await self._answer(envelopes, outcome, running)
        for wish in wishes:
            running.session.acknowledge(wish)
            await running.missing_parts.answer(
                wish.payload, running.session.send, wall_ms=self._ports.wall_ms()
            )
        if envelopes:
            _report(outcome, running.sequencer.size)

    async def _answer(self, batch: list[Delivery], outcome: Outcome, running: "_Running") -> None:
        for delivery, judged in zip(batch, outcome.judged, strict=True):
            if delivery.file is None:
                running.session.acknowledge(delivery)
            elif running.files is not None:
                running.files.settle(delivery.file, judged, running.ledger.leaf_of(judged.sha256))
        for act in outcome.acts:
            if act.kind == "schedule-change":
                running.schedules.logged(act.data)
        for sent, reply in enumerate(outcome.replies):
            if not await running.session.send(reply.topic, reply.payload):
                # No harm: a branch without a receipt publishes again and gets it then.
                _log.warning("replies-dropped", dropped=len(outcome.replies) - sent)
                return

    def _session_settings(self) -> SessionSettings:
        config = self._config
        election = config.manifest.manifest.election
        return SessionSettings(
            host=config.host,
            port=config.port,
            client_id=config.client_id,
            topic=topic_all_envelopes(election),
            probe_topic=topic_probe(election, config.client_id, "payload-limit")
            if self._ports.probe_payload_limit
            else None,
            door=config.door,
        )


@dataclass(frozen=True, slots=True)
class _Running:
    """What serves one ledger. ``session`` and the desks have tasks of their own."""

    ledger: Ledger
    sequencer: Sequencer
    intake: Intake
    session: Session
    schedules: ScheduleDesk
    files: SpoolDesk | None
    witnesses: WitnessDesk | None
    pushes: PushDesk | None
    commands: CommandDesk | None
    missing_parts: MissingPartsDesk


def _report(outcome: Outcome, log_size: int) -> None:
    _log.info(
        "batch",
        admitted=len(outcome.admitted),
        acts=len(outcome.acts),
        duplicates=outcome.duplicates,
        refused=len(outcome.refused),
        log_size=log_size,
    )
    for act in outcome.acts:
        _log.info(
            "act-logged", type=act.kind, number=act.number, subject=act.subject, envelope_sha256=act.sha256
        )
    for envelope in outcome.admitted:
        if envelope.flags:
            _log.warning(
                "envelope-flagged",
                branch=envelope.branch,
                unit=envelope.unit,
                type=envelope.kind,
                envelope_sha256=envelope.sha256,
                flags=list(envelope.flags),
            )
    for refused in outcome.refused:
        _log.warning(
            "envelope-refused",
            branch=refused.branch,
            topic=refused.topic,
            envelope_sha256=refused.sha256,
            reason=refused.reason,
        )
