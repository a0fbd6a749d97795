"""An MQTT broker on 127.0.0.1 as a process of its own: for demos, drills and tests. It keeps everything in memory."""

import asyncio
import contextlib
import json
import socket
import subprocess
import sys
from pathlib import Path
from typing import Final, Protocol

import aiomqtt

from crypto.wire import MQTT_PAYLOAD_MAX

HEADROOM: Final = 1024  # bytes: fixed header, topic and packet id around a payload
CONNECTIONS_MAX: Final = 10_000  # clients at a time
START_MAX: Final = 30.0  # seconds until it must listen
CHECK_MAX: Final = 30.0  # seconds until the greatest payload must have come back
STOP_MAX: Final = 5.0  # seconds until it is killed instead of asked
PORT_ATTEMPTS_MAX: Final = 5  # free ports tried: another program may take one first

_HOST: Final = "127.0.0.1"
_PROGRAM: Final = Path(__file__).with_name("broker_process.py")
_POLL: Final = 0.02  # seconds
_CHECK_TOPIC: Final = "broker-check/payload"


class BrokerError(Exception):
    """The broker does not start, or does not carry what it must: the message says which and what to do."""


class Broker(Protocol):
    """What a day needs of any broker on 127.0.0.1: the demo's own, or an installed one."""

    @property
    def port(self) -> int:
        """Where it listens, once started."""

    async def start(self) -> None:
        """Start it, and return when it listens."""

    def stop(self) -> None:
        """End it. Idempotent."""


class MqttBroker:
    """A broker on ``port`` (None: a free one), which must carry payloads of ``payload_max`` bytes.

    After ``stop`` or ``kill`` it can be started again, on the same port and with nothing remembered.
    """

    def __init__(
        self,
        port: int | None = None,
        *,
        payload_max: int = MQTT_PAYLOAD_MAX,
        packet_max: int = MQTT_PAYLOAD_MAX + HEADROOM,
    ) -> None:
        self._port = port
        self._payload_max: Final = payload_max
        self._packet_max: Final = packet_max
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def port(self) -> int:
        """Where it listens, on 127.0.0.1."""
        assert self._port is not None, "start the broker first"  # noqa: S101
        return self._port

    @property
    def is_running(self) -> bool:
        """Whether its process lives."""
        return self._process is not None and self._process.poll() is None

    async def start(self) -> None:
        """Start it, and see a payload of the greatest size come back.

        Raises:
            BrokerError: when it does not listen in time, its port is taken, or the payload does not come back.
        """
        if self.is_running:
            return
        attempts = PORT_ATTEMPTS_MAX if self._port is None else 1
        for attempt in range(1, attempts + 1):
            port = self._port or _free_port()
            try:
                await self._launch(port)
            except BrokerError:
                self.kill()
                if attempt == attempts:
                    raise
            else:
                self._port = port
                break
        try:
            await self._check_payload()
        except BaseException:
            self.kill()
            raise

    def stop(self) -> None:
        """Ask it to end, and wait until it has. Idempotent."""
        process, self._process = self._process, None
        if process is not None:
            process.terminate()
            try:
                process.wait(STOP_MAX)
            except subprocess.TimeoutExpired:
                process.kill()
            _bury(process)

    def kill(self) -> None:
        """End it on the spot, as a power cut would. Idempotent."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            _bury(process)

    def _spawn(self, port: int) -> subprocess.Popen[bytes]:
        if not _is_free(port):
            raise BrokerError(f"port {port} of {_HOST} is taken: choose another, or stop what listens there")
        options = {
            "port": port,
            "listen": _HOST,
            "max_connections": CONNECTIONS_MAX,
            "max_payload_size": self._packet_max,
        }
        self._process = subprocess.Popen(
            [sys.executable, "-P", str(_PROGRAM), json.dumps(options)], stdin=subprocess.PIPE
        )
        return self._process

    async def _launch(self, port: int) -> None:
        """Start the process and wait until it listens."""
        process = self._spawn(port)
        loop = asyncio.get_running_loop()
        deadline = loop.time() + START_MAX
        while loop.time() < deadline:
            code = process.poll()
            if code is not None:
                raise BrokerError(
                    f"the broker ended with code {code} while starting on port {port}: see its standard error"
                )
            if await _listens(port):
                return
            await asyncio.sleep(_POLL)
        raise BrokerError(
            f"the broker does not listen on port {port} after {START_MAX:.0f} s: start it again"
        )

    async def _check_payload(self) -> None:
        # Bytes of every value, so that a broker that expects text is found out too.
        payload = bytes(range(256)) * (self._payload_max // 256) + bytes(self._payload_max % 256)
        failure = "it came back changed"
        try:
            async with asyncio.timeout(CHECK_MAX), aiomqtt.Client(_HOST, self.port) as client:
                await client.subscribe(_CHECK_TOPIC, qos=1)
                # A publish hangs for its whole timeout when the broker hangs up; reading notices at once.
                publishing = asyncio.create_task(client.publish(_CHECK_TOPIC, payload, qos=1))
                try:
                    message = await anext(aiter(client.messages))
                finally:
                    publishing.cancel()
                if message.payload == payload:
                    return
        except aiomqtt.MqttError as error:
            failure = f"the session broke: {error}"
        except TimeoutError:
            failure = f"it did not come back within {CHECK_MAX:.0f} s"
        raise BrokerError(
            f"the broker on port {self.port} does not carry a payload of {self._payload_max} bytes ({failure}): raise "
            f"its payload limit, now {self._packet_max}"
        )


def _bury(process: subprocess.Popen[bytes]) -> None:
    process.wait()
    if process.stdin is not None:
        process.stdin.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((_HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((_HOST, port))
        except OSError:
            return False
        return True


async def _listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection(_HOST, port)
    except OSError:
        return False
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return True
