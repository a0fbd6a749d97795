"""Asks a simulated modem in virtual time."""

from typing import Any, Final

from simulators.devices.modem import ModemModel, make_modem


class ModemAsker:
    """One modem and its clock. ``how``: as ``make_modem`` takes it."""

    def __init__(self, **how: Any) -> None:
        self.model: Final[ModemModel] = make_modem(**how)
        self.now_ms = 0
        self.heard = b""

    def ask(self, line: str, wait_ms: int = 0) -> list[str]:
        """What comes in answer to a command line: its lines, echo and empty ones left out."""
        self.heard = b""
        sent = line.encode("latin-1") + b"\r"
        said = self.model.feed(sent, self.now_ms) + self.wait(wait_ms)
        lines = said.decode("latin-1").replace("\r", "\n").split("\n")
        return [one for one in lines if one and one != line]

    def type(self, text: bytes, wait_ms: int = 0) -> bytes:
        """Bytes as they are, and the bytes that come of it."""
        return self.model.feed(text, self.now_ms) + self.wait(wait_ms)

    def wait(self, ms: int) -> bytes:
        """Let time pass, waking the model at its deadlines; returns what it sends."""
        end_ms = self.now_ms + ms
        said = b""
        while (due_ms := self.model.wake_at()) is not None and due_ms <= end_ms:
            self.now_ms = max(self.now_ms, due_ms)
            said += self.model.tick(self.now_ms)
            again_ms = self.model.wake_at()
            assert again_ms is None or again_ms > self.now_ms, "a deadline that never passes"
        self.now_ms = end_ms
        return said + self.model.tick(self.now_ms)

    def obey(self, command: str) -> str:
        """A script's command."""
        return self.model.command(command.split(), self.now_ms)

    def registered(self) -> "ModemAsker":
        """Wait until the network has it."""
        self.wait(3000)
        assert self.model.device.radio.registered
        return self

    def send_sms(self, pdu: str, wait_ms: int = 3000) -> list[str]:
        """An SMS in PDU mode, through the prompt."""
        assert self.ask(f"AT+CMGS={len(pdu) // 2 - 1}") == ["> "]
        said = self.type(pdu.encode() + b"\x1a", wait_ms).decode()
        return [one for one in said.replace("\r", "\n").split("\n") if one and pdu not in one]
