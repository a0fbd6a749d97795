"""The devices that can be put on the stand: how each is made from the command line, and on what line it hangs."""

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from simulators.stand.model import DeviceModel

LineKind = Literal["pty", "udp", "tcp"]


@dataclass(frozen=True, slots=True)
class DeviceKind:
    """One kind of device.

    ``make`` gets the parsed arguments, the monotonic clock's present (ms) and the wall clock's lead over it (ms).
    ``lines``: on what it can hang; the first is the default.
    """

    help: str
    lines: tuple[LineKind, ...]
    add_arguments: Callable[[argparse.ArgumentParser], None]
    make: Callable[[argparse.Namespace, int, int], DeviceModel]
    script: str
    """A few commands of it, for the examples."""


def _ups_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--model",
        choices=("megatec", "q1", "voltronic-qs"),
        default="megatec",
        help="the protocol it speaks (default megatec)",
    )
    parser.add_argument(
        "--load", type=int, default=120, metavar="WATTS", help="what it feeds (default 120 W)"
    )


def _ups(arguments: argparse.Namespace, now_ms: int, wall_lead_ms: int) -> DeviceModel:
    from simulators.devices.ups import make_ups  # noqa: PLC0415 - only what is asked for

    del wall_lead_ms
    model: DeviceModel = make_ups(arguments.model, load_w=arguments.load, now_ms=now_ms)
    return model


def _terminal_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--firmware", default="sim-1", metavar="NAME", help="another name has another SHA-256 (default sim-1)"
    )
    parser.add_argument(
        "--write", type=Path, metavar="DIR", help="write manifest and keys of its rehearsal there, for a kitd"
    )


def _terminal(arguments: argparse.Namespace, now_ms: int, wall_lead_ms: int) -> DeviceModel:
    from simulators.devices.terminal_factory import make_terminal  # noqa: PLC0415 - only what is asked for

    model: DeviceModel = make_terminal(
        now_ms=now_ms,
        wall_lead_ms=wall_lead_ms,
        seed=arguments.seed,
        firmware=arguments.firmware,
        write=arguments.write,
    )
    return model


def _ont_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--community", default="public", metavar="WORD", help="of SNMPv2c (default public)")


def _ont(arguments: argparse.Namespace, now_ms: int, wall_lead_ms: int) -> DeviceModel:
    from simulators.devices.ont import make_ont  # noqa: PLC0415 - only what is asked for

    del wall_lead_ms
    model: DeviceModel = make_ont(now_ms=now_ms, community=arguments.community)
    return model


def _printer_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--width",
        type=int,
        choices=(384, 576),
        default=576,
        help="dots in a row: 58 or 80 mm paper (default 576)",
    )
    parser.add_argument("--dumb", action="store_true", help="never answers, as the cheapest ones do")


def _printer(arguments: argparse.Namespace, now_ms: int, wall_lead_ms: int) -> DeviceModel:
    from simulators.devices.printer import make_printer  # noqa: PLC0415 - only what is asked for

    del now_ms, wall_lead_ms
    model: DeviceModel = make_printer(width_dots=arguments.width, answers=not arguments.dumb)
    return model


def _modem_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--imei", default="490154203237518", metavar="DIGITS", help="15 digits")
    parser.add_argument("--number", default="+989120000001", metavar="NUMBER", help="of the SIM in slot 1")
    parser.add_argument("--sims", type=int, choices=range(1, 5), default=1, help="slots, each with a SIM")
    parser.add_argument("--pin", metavar="DIGITS", help="what every SIM asks for (default: nothing)")


def _modem(arguments: argparse.Namespace, now_ms: int, wall_lead_ms: int) -> DeviceModel:
    from simulators.devices.modem import make_modem  # noqa: PLC0415 - only what is asked for

    model: DeviceModel = make_modem(
        imei=arguments.imei,
        number=arguments.number,
        sims=arguments.sims,
        pin=arguments.pin,
        now_ms=now_ms,
        epoch_s=wall_lead_ms // 1000,
    )
    return model


KINDS: dict[str, DeviceKind] = {
    "ups": DeviceKind("a UPS on a serial line", ("pty",), _ups_arguments, _ups, "mains off"),
    "modem": DeviceKind(
        "a 4G modem that speaks AT commands", ("pty",), _modem_arguments, _modem, "signal -115"
    ),
    "terminal": DeviceKind(
        "a voting terminal of a rehearsal whose polls open now",
        ("pty",),
        _terminal_arguments,
        _terminal,
        "cover open",
    ),
    "ont": DeviceKind("the fibre's ONT, which answers SNMP", ("udp",), _ont_arguments, _ont, "fibre cut"),
    "printer": DeviceKind(
        "a receipt printer that speaks ESC/POS", ("pty", "tcp"), _printer_arguments, _printer, "paper out"
    ),
}


def kind_of(arguments: Any) -> DeviceKind:
    """The kind that a command line names."""
    return KINDS[arguments.command]
