"""``kit-sim ups|modem|terminal|ont|printer`` and ``kit-sim ctl``: one simulated device, for programs and scripts."""

import argparse
import asyncio
import contextlib
import json
import signal
import sys
import time
from pathlib import Path
from typing import Any, Final, TextIO

from kit import exit_codes
from simulators.stand import control
from simulators.stand.faults import FaultyLine
from simulators.stand.kinds import KINDS, DeviceKind, kind_of
from simulators.stand.lines import LinkedPty, LinkTakenError, TcpPort, UdpPort
from simulators.stand.stand import Line, Stand
from simulators.stand.transcript import Transcript

PORT_MAX: Final = 65_535
DEVICE_EXAMPLES: Final = """examples:
  kit-sim {name} --link /tmp/{name} --control /tmp/{name}.sock --transcript /tmp/{name}.jsonl
  kit-sim ctl /tmp/{name}.sock help
  kit-sim ctl /tmp/{name}.sock {script}

exit codes: 0 stopped by SIGINT or SIGTERM, 64 usage, 73 the link, socket or transcript cannot be made
"""
CTL_EXAMPLES: Final = """examples:
  kit-sim ctl /tmp/ups.sock help             every command that this device knows
  kit-sim ctl /tmp/ups.sock mains off
  kit-sim ctl /tmp/modem.sock signal -115
  kit-sim ctl /tmp/modem.sock garble 5 %
  kit-sim ctl /tmp/ups.sock state            what is true of it right now, as JSON

exit codes: 0 done, 64 the device does not know the command, 69 no simulator answers at this socket
"""


def add_devices(commands: Any) -> None:
    """Add a subcommand for each kind of device, and ``ctl``."""
    for name, kind in KINDS.items():
        parser = commands.add_parser(
            name,
            help=f"simulate {kind.help}",
            description=f"Simulate {kind.help}, until stopped.",
            epilog=DEVICE_EXAMPLES.format(name=name, script=kind.script),
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        _line_arguments(parser, kind)
        kind.add_arguments(parser)
        parser.set_defaults(run=run_device)
    parser = commands.add_parser(
        "ctl",
        help="tell a running device what to do",
        description="Tell a simulated device that runs what to do; prints what it says.",
        epilog=CTL_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("socket", type=Path, metavar="SOCKET", help="the device's --control socket")
    parser.add_argument("words", nargs=argparse.REMAINDER, metavar="COMMAND", help="as in: mains off")
    parser.set_defaults(run=run_ctl)


def _line_arguments(parser: argparse.ArgumentParser, kind: DeviceKind) -> None:
    if "pty" in kind.lines:
        what = "symbolic link that is to name its pseudo-terminal"
    else:
        what = "symbolic link whose target names its address, as in udp:127.0.0.1:1161"
    parser.add_argument("--link", type=Path, metavar="PATH", required=kind.lines == ("pty",), help=what)
    if kind.lines != ("pty",):
        parser.add_argument(
            "--listen",
            type=_address,
            metavar="HOST:PORT",
            default=None if "pty" in kind.lines else ("127.0.0.1", 0),
            help=f"{'/'.join(line for line in kind.lines if line != 'pty')} address (port 0: any that is free)",
        )
    parser.add_argument("--control", type=Path, metavar="SOCKET", help="where kit-sim ctl reaches it")
    parser.add_argument(
        "--transcript", type=Path, metavar="FILE", help="what goes over the line, as JSON Lines; - prints it"
    )
    parser.add_argument(
        "--seed", type=int, default=1, metavar="S", help="of noise on the line, and of a terminal (default 1)"
    )


def _address(text: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    if not colon or not host or not port.isascii() or not port.isdecimal() or int(port) > PORT_MAX:
        raise argparse.ArgumentTypeError(f"{text!r}: HOST:PORT is needed, as in 127.0.0.1:1161")
    return host, int(port)


def run_device(arguments: argparse.Namespace) -> int:
    """Serve one device until SIGINT or SIGTERM; returns the exit code."""
    if arguments.link is None and getattr(arguments, "listen", None) is None:
        print(
            f"kit-sim {arguments.command}: give --link or --listen: where it is to be found", file=sys.stderr
        )
        return exit_codes.USAGE
    transcript_to: TextIO | None = None
    with contextlib.ExitStack() as stack:
        try:
            if arguments.transcript is not None:
                transcript_to = (
                    sys.stdout
                    if str(arguments.transcript) == "-"
                    else stack.enter_context(arguments.transcript.open("w", encoding="utf-8"))
                )
            asyncio.run(_serve(arguments, Transcript(transcript_to)))
        except ValueError as wrong:
            print(f"kit-sim {arguments.command}: {wrong}", file=sys.stderr)
            return exit_codes.USAGE
        except (OSError, LinkTakenError) as wrong:
            print(f"kit-sim {arguments.command}: {wrong}", file=sys.stderr)
            return exit_codes.CANNOT_CREATE
    return exit_codes.OK


def run_ctl(arguments: argparse.Namespace) -> int:
    """Ask, print, return the exit code."""
    try:
        said = control.ask(arguments.socket, arguments.words)
    except control.StandUnreachableError as wrong:
        print(f"kit-sim ctl: {wrong}", file=sys.stderr)
        return exit_codes.UNAVAILABLE
    if not said["ok"]:
        print(f"kit-sim ctl: {said['error']}", file=sys.stderr)
        return exit_codes.USAGE
    if isinstance(said["says"], str):
        print(said["says"])
    elif arguments.words == ["help"]:
        width = max(map(len, said["says"]))
        print("\n".join(f"{form:<{width}}  {what}" for form, what in said["says"].items()))
    else:
        print(json.dumps(said["says"], ensure_ascii=False))
    return exit_codes.OK


async def _serve(arguments: argparse.Namespace, transcript: Transcript) -> None:
    kind, now_ms = kind_of(arguments), _monotonic_ms()
    model = kind.make(arguments, now_ms, time.time_ns() // 1_000_000 - now_ms)
    stand = Stand(FaultyLine(model, seed=arguments.seed), transcript, _monotonic_ms)
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    server = None
    try:
        stand.put_behind(_line(arguments, kind, stand))
        if arguments.control is not None:
            server = await control.listen(arguments.control, stand)
        print(_ready(arguments), file=sys.stderr, flush=True)
        await stop.wait()
    finally:
        if server is not None:
            server.close()
            arguments.control.unlink(missing_ok=True)
        stand.close()


def _line(arguments: argparse.Namespace, kind: DeviceKind, stand: Stand) -> Line:
    listen = getattr(arguments, "listen", None)
    if listen is None:
        return LinkedPty(arguments.link, stand.hear)
    host, port = listen
    if "udp" in kind.lines:
        return UdpPort(host, port, stand.hear, arguments.link)
    return TcpPort(host, port, stand.hear, arguments.link)


def _ready(arguments: argparse.Namespace) -> str:
    where = arguments.link or "its port"
    script = f"; script it: kit-sim ctl {arguments.control} help" if arguments.control else ""
    return f"kit-sim {arguments.command}: ready at {where}{script}"


def _monotonic_ms() -> int:
    return time.monotonic_ns() // 1_000_000
