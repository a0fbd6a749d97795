"""The edge between the core of the tapes and the printer: draws, prints, and tells what became of it."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from crypto.errors import EvidenceError
from crypto.manifest import TrustedManifest
from drivers.ports import OpenStream, PrinterEvent, TapeBroken
from kit.config import Config
from kit.effects import PrintTape
from kit.events import PrinterHeard
from kit.log import Log
from kit.ports import Ports, Post
from kit.tables.devices import ConfigError, PrinterTable

if TYPE_CHECKING:
    from drivers.printer.driver import EscposPrinter
    from kit.tape.maker import TapeMaker


class Printing:
    """One printer and what draws its tapes. Pillow and python-escpos are loaded here, and by no kit without a printer.

    Raises:
        ConfigError: ``[printer]`` lacks a key, or there is no font.
    """

    def __init__(
        self,
        table: PrinterTable,
        manifest: TrustedManifest,
        branch: str,
        ports: Ports,
        emit: Callable[[PrinterEvent], None],
        log: Log,
    ) -> None:
        self._emit, self._log = emit, log
        self._maker = _maker(table, manifest, branch)
        self._printer = _printer(table, ports, emit)
        self._courier_tapes = 0

    async def run(self) -> None:
        """Watch and print until cancelled; never returns by itself."""
        await self._printer.run()

    def print(self, effect: PrintTape) -> None:
        """Draw and queue a tape; one that cannot be drawn broke off before its first dot."""
        from kit.tape.documents import Subject  # noqa: PLC0415 - Pillow
        from kit.tape.draw import TapeLengthError  # noqa: PLC0415 - Pillow

        subject = Subject(effect.terminal, effect.report, effect.at, effect.copy, effect.findings)
        try:
            tape = self._maker.make(effect.name, effect.kind, subject)
        except (EvidenceError, TapeLengthError) as error:
            self._log.error("tape cannot be drawn", tape=effect.name, error=str(error))
            self._emit(TapeBroken(effect.name, 0, 0, "error"))
            return
        self._printer.print(tape)

    def print_courier(self, envelopes: Sequence[tuple[str, Sequence[str]]]) -> str | None:
        """Draw and queue sealed envelopes as codes: their titles, and the texts. Returns what hinders it, in words.

        Nothing waits for it, and nothing keeps it: people look at the tape, and ask for it again where it broke off.
        """
        from kit.tape.courier import CodedEnvelope  # noqa: PLC0415 - with Pillow
        from kit.tape.draw import TapeLengthError  # noqa: PLC0415 - Pillow

        self._courier_tapes += 1
        try:
            coded = [CodedEnvelope(title, codes) for title, codes in envelopes]
            tape = self._maker.courier(f"courier:{self._courier_tapes}", coded)
        except TapeLengthError as error:
            return f"{error}; print fewer envelopes at a time"
        self._printer.print(tape)
        return None


def make_printing(
    config: Config, manifest: TrustedManifest, ports: Ports, post: Post, log: Log
) -> Printing | None:
    """What prints, where the configuration names a printer; raises ConfigError."""
    if config.printer is None:
        return None
    return Printing(
        config.printer, manifest, config.branch, ports, lambda event: post(PrinterHeard(event)), log
    )


def check_printing(config: Config, manifest: TrustedManifest) -> None:
    """Raise ConfigError where no tape could be drawn, or the printer's table lacks a key. Opens no line."""
    if config.printer is not None:
        _check_table(config.printer)
        _maker(config.printer, manifest, config.branch)


def _check_table(table: PrinterTable) -> None:
    if table.kind == "network" and table.host is None:
        raise ConfigError('[printer]: kind = "network" needs host = "..."')
    if table.kind != "network" and table.port is None:
        example = "/dev/usb/lp0" if table.kind == "usb" else "/dev/serial/by-path/..."
        raise ConfigError(f'[printer]: kind = "{table.kind}" needs port = "{example}"')


def _maker(table: PrinterTable, manifest: TrustedManifest, branch: str) -> "TapeMaker":
    from kit.tape.fonts import TapeFontError  # noqa: PLC0415 - Pillow
    from kit.tape.maker import TapeMaker  # noqa: PLC0415 - Pillow

    try:
        return TapeMaker(manifest, branch, width_dots=table.width_dots, font=table.font)
    except TapeFontError as error:
        raise ConfigError(f"[printer]: {error}") from error


def _printer(table: PrinterTable, ports: Ports, emit: Callable[[PrinterEvent], None]) -> "EscposPrinter":
    from drivers.printer.driver import EscposPrinter  # noqa: PLC0415 - python-escpos

    return EscposPrinter(
        _line(table, ports),
        ports.clock.monotonic_ms,
        emit,
        width_dots=table.width_dots,
        answers=table.answers,
        poll_ms=table.poll_interval_ms,
    )


def _line(table: PrinterTable, ports: Ports) -> OpenStream:
    from drivers.printer.lines import network, usb  # noqa: PLC0415 - with the driver

    _check_table(table)
    if table.kind == "network":
        return network(table.host or "", table.tcp_port)
    port = table.port or ""
    return usb(port) if table.kind == "usb" else ports.open_stream(port, table.baudrate)
