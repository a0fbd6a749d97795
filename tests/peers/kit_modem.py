"""A modem on a pseudo-terminal with our driver on it: the far end of an SMS gateway."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

from crypto import acknowledgement, sms
from crypto.manifest import TrustedManifest
from drivers.modem.at.driver import AtModem
from drivers.modem.at.settings import AtSettings
from drivers.ports import ModemEvent, ModemReading, SmsReceived, SmsSubmitted
from drivers.uart import uart
from tests.peers.modem_on_pty import ModemOnPty, now_ms
from tests.peers.patience import until

BAUDRATE: Final = 115_200


class KitModem:
    """Sends parts and collects what comes."""

    def __init__(self, folder: Path, **how: Any) -> None:
        folder.mkdir()
        self.modem: Final = ModemOnPty(folder, boot_ms=100, registration_ms=50, **how)
        self.heard: Final[list[ModemEvent]] = []
        self.driver: Final = AtModem(
            uart(str(self.modem.line), BAUDRATE),
            now_ms,
            self.heard.append,
            AtSettings(poll_interval_ms=1_000),
        )
        self._token = 0

    def of(self, kind: type) -> list[Any]:
        return [event for event in self.heard if isinstance(event, kind)]

    async def registered(self) -> None:
        await until(lambda: any(one.registration == "home" for one in self.of(ModemReading)))

    async def send(self, number: str, *messages: bytes) -> None:
        """Give messages to the network, and wait until it took them."""
        wanted = len(self.of(SmsSubmitted)) + len(messages)
        for user_data in messages:
            self._token += 1
            self.driver.send_sms(self._token, number, user_data)
        await until(lambda: len(self.of(SmsSubmitted)) >= wanted, lambda: str(self.heard))

    def contents(self) -> list[bytes]:
        """Contents of the one-part messages that came."""
        return [sms.parse(event.user_data).body for event in self.of(SmsReceived)]

    def answers(self, envelope: bytes, manifest: TrustedManifest) -> int:
        """How many acknowledgements came; each must verify."""
        packed = [one for one in self.contents() if one[0] == acknowledgement.PACKED_VERSION]
        log = manifest.log_verifier
        for one in packed:
            acknowledgement.verify(acknowledgement.unpack(one, log=log), envelope, log=log)
        return len(packed)


@contextlib.asynccontextmanager
async def kit_modem(folder: Path, **how: Any) -> AsyncIterator[KitModem]:
    """A driver that runs; ``how`` as ``make_modem`` takes it."""
    kit = KitModem(folder, **how)
    running = asyncio.create_task(kit.driver.run())
    try:
        await kit.registered()
        yield kit
    finally:
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running
        kit.modem.stop()
