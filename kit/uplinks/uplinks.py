"""One hot MQTT session per uplink, and what becomes of the messages that it brings."""

import asyncio
import contextlib
import json
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

from crypto import wire
from failover.events import ProbeEchoed, TcpSensed, TrafficCounted, UplinkConnected, UplinkLost
from failover.path import Path
from kit.events import (
    CommandHeard,
    ManifestHeard,
    NoticeAbout,
    ReceiptHeard,
    RefusalHeard,
    ScheduleHeard,
    UplinkNoticed,
)
from kit.log import Log
from kit.ports import Post
from kit.uplinks.client_id import client_id_of
from kit.uplinks.dialler import Dialler
from kit.uplinks.gateway import Gateway
from kit.uplinks.session import CLOSE_TIMEOUT_S, Qos, Session

RECEIPT_BYTES_MAX: Final = wire.RECEIPT_MAX
REFUSAL_BYTES_MAX: Final = 2_000
COMMAND_BYTES_MAX: Final = 4_096


class MqttUplinks:
    """kit.ports.Uplinks over aiomqtt.

    ``wall_ms``: the wall clock, for certificates. ``standby``: the device id of a standby kit. Two kits of a branch are
    two clients, with echoes of their own.
    """

    def __init__(
        self,
        gateways: Mapping[str, Gateway],
        *,
        election: str,
        branch: str,
        post: Post,
        log: Log,
        wall_ms: Callable[[], int],
        standby: str | None = None,
    ) -> None:
        self._gateways, self._election, self._branch = dict(gateways), election, branch
        self._standby = standby
        self._post, self._log = post, log
        self._diallers = {
            uplink: Dialler(gateway, wall_ms, partial(self._notice, uplink), partial(self.spent, uplink))
            for uplink, gateway in gateways.items()
            if not gateway.plain
        }
        self._noticed: dict[tuple[str, NoticeAbout], str] = {}
        self._sessions: dict[str, Session] = {}
        self._tasks: list[asyncio.Task[None]] = []  # a list, since sets have no order to repeat

    def connect(self, uplink: str, deadline_ms: int, path: Path | None = None) -> None:
        """Begin a session, bound to ``path``, with a deadline for everything up to the last SUBACK."""
        self._drop(uplink)
        gateway = self._gateways[uplink]
        if gateway.bound and path is None:
            self._post(UplinkLost(uplink, "no session: its interface is not known yet"))
            return
        session = Session(
            self,
            uplink,
            gateway,
            deadline_ms / 1000,
            self._diallers.get(uplink),
            path if gateway.bound else None,
        )
        self._sessions[uplink] = session
        task = asyncio.get_running_loop().create_task(session.run(), name=f"uplink-{uplink}")
        self._tasks = [*(old for old in self._tasks if not old.done()), task]

    def disconnect(self, uplink: str, reason: str) -> None:
        """Drop at once; the old socket is closed in the background."""
        self._log.info("uplink dropped", uplink=uplink, reason=reason)
        self._drop(uplink)

    def probe(self, uplink: str, nonce: int) -> None:
        """QoS 0 to our own topic."""
        self._send(uplink, self._topic_probe(uplink), str(nonce).encode(), 0)

    def publish(self, uplink: str, data: bytes) -> None:
        """QoS 1: the broker retries towards the centre; we trust receipts alone."""
        narrow = uplink in self._gateways and self._gateways[uplink].narrow
        topic = wire.topic_narrow_envelope if narrow else wire.topic_envelope
        self._send(uplink, topic(self._election, self._branch), data, 1)

    async def close(self) -> None:
        """Disconnect all, politely where the other side answers, within twice CLOSE_TIMEOUT_S."""
        for uplink in list(self._sessions):
            self._drop(uplink)
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=2 * CLOSE_TIMEOUT_S)
            for task in late:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
        for dialler in self._diallers.values():
            await dialler.close()

    def _send(self, uplink: str, topic: str, payload: bytes, qos: Qos) -> None:
        session = self._sessions.get(uplink)
        if session is not None:
            session.send(topic, payload, qos)

    def _drop(self, uplink: str) -> None:
        session = self._sessions.pop(uplink, None)
        if session is not None:
            session.drop()

    # --- what sessions call ---

    def subscriptions(self, uplink: str) -> list[tuple[str, int]]:
        """Topics of a session: all that the centre says to this branch, and its own probe echo."""
        return [
            (wire.topic_receipt(self._election, self._branch), 0),
            (wire.topic_refusal(self._election, self._branch), 0),
            (wire.topic_schedule(self._election), 0),
            (wire.topic_command_for_all(self._election), 0),
            (wire.topic_command(self._election, self._branch), 0),
            (wire.topic_manifest(self._election), 0),
            (self._topic_probe(uplink), 0),
        ]

    def needs(self, uplink: str, topic: str) -> bool:
        """Receipts end what an outbox sends; echoes tell that the uplink lives."""
        return topic in (wire.topic_receipt(self._election, self._branch), self._topic_probe(uplink))

    def client_id(self, uplink: str) -> str:
        """As nobody else is called."""
        return client_id_of(self._election, self._branch, self._standby, uplink)

    def _topic_probe(self, uplink: str) -> str:
        name = uplink if self._standby is None else f"{self._standby}/{uplink}"  # a slash is in no name
        return wire.topic_probe(self._election, self._branch, name)

    def up(self, session: Session) -> None:
        """The session stands."""
        if self._sessions.get(session.uplink) is session:
            self._log.info("uplink connected", uplink=session.uplink)
            self._post(UplinkConnected(session.uplink))

    def lost(self, session: Session, reason: str) -> None:
        """The session ended by itself; one that we dropped has no more to say."""
        if self._sessions.get(session.uplink) is session:
            del self._sessions[session.uplink]
            self._log.info("uplink lost", uplink=session.uplink, reason=reason)
            self._post(UplinkLost(session.uplink, reason))

    def sensed(self, session: Session, rtt_ms: int, stalled: bool) -> None:
        """The kernel says something new of it."""
        if self._sessions.get(session.uplink) is session:
            self._post(TcpSensed(session.uplink, rtt_ms, stalled))

    def spent(self, uplink: str, size: int) -> None:
        """So many bytes more went over the air, of whatever session."""
        self._post(TrafficCounted(uplink, size))

    def noticed(self, session: Session, notices: Mapping[NoticeAbout, str]) -> None:
        """Tell what is odd about it, and what no longer is."""
        if self._sessions.get(session.uplink) is session:
            for about, words in notices.items():
                self._notice(session.uplink, about, words)

    def _notice(self, uplink: str, about: NoticeAbout, words: str) -> None:
        """Post it where it is another one than before."""
        if self._noticed.get((uplink, about), "") != words:
            self._noticed[uplink, about] = words
            self._log.warning("uplink noticed", uplink=uplink, about=about, words=words or "no longer")
            self._post(UplinkNoticed(uplink, about, words))

    def heard(self, session: Session, topic: str, payload: bytes) -> None:
        """Parse at the boundary; what cannot be parsed is logged and dropped."""
        uplink = session.uplink
        if topic == self._topic_probe(uplink):
            if payload.isdigit() and len(payload) <= len(str(2**63)):
                self._post(ProbeEchoed(uplink, int(payload)))
            return
        if topic == wire.topic_receipt(self._election, self._branch) and len(payload) <= RECEIPT_BYTES_MAX:
            with contextlib.suppress(UnicodeDecodeError):
                self._post(ReceiptHeard(uplink, payload.decode()))
            return
        if topic == wire.topic_refusal(self._election, self._branch) and len(payload) <= REFUSAL_BYTES_MAX:
            with contextlib.suppress(ValueError, KeyError, TypeError, RecursionError):
                value = json.loads(payload)
                sha256, reason = _whole(value["envelope_sha256"]), _whole(value["reason"])
                self._post(RefusalHeard(uplink, sha256[:64], reason[:400]))
            return
        if topic == wire.topic_schedule(self._election) and len(payload) <= wire.ENVELOPE_MAX:
            self._post(ScheduleHeard(payload))
            return
        commands = (
            wire.topic_command_for_all(self._election),
            wire.topic_command(self._election, self._branch),
        )
        if topic in commands and len(payload) <= COMMAND_BYTES_MAX:
            self._post(CommandHeard(payload, uplink))
            return
        if topic == wire.topic_manifest(self._election) and len(payload) <= wire.MQTT_PAYLOAD_MAX:
            self._post(ManifestHeard(payload, uplink))
            return
        self._log.warning("message dropped", uplink=uplink, topic=topic[:200], size=len(payload))


def _whole(value: object) -> str:
    """As text that can be journaled: JSON can spell half a Unicode character, and no fact can hold one."""
    return str(value).encode("utf-8", "replace").decode()
