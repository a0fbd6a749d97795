"""``center witness``: vouch for logs of others, over HTTP or by files."""

import argparse
import asyncio
import signal
import sys
from pathlib import Path
from typing import Final

from center import log_setup
from center.cli.command import OK, Commands
from center.config import read_key
from center.edges import lock_state_dir, wall_ms
from center.errors import ConfigError, OutputError, WitnessError
from center.files import UnreadableError, read_whole, write_whole
from center.witness.http import WitnessServer
from center.witness.witness import RefusedError, Witness, WitnessStore, request_from
from crypto.consistency import CONSISTENCY_MAX, Consistency
from crypto.errors import EvidenceError
from crypto.identity import SigningKey
from crypto.notes import CosignatureVerifier, Cosigner, NoteVerifier

_EXAMPLES: Final = """examples:
  center witness vkey --name witness.example/w1 --key w1.key        what the manifest names this witness by
  center witness serve --name witness.example/w1 --key w1.key --state-dir D --log VKEY --port 7380
  center log consistency --state-dir S --from 40 --to 96 > grown    by files: first at the centre,
  center witness cosign --name witness.example/w1 --key w1.key --state-dir D --log VKEY grown     then here

A key is 32 random bytes in a file of mode 600. The state directory is the witness's memory: never go back to an old
copy of it. A fork is kept below D/evidence: two checkpoints that the log signed.
exit codes: 0 vouched for, 65 refused, 73 cannot write or already running, 78 key or log key cannot be used
"""


def add(commands: Commands) -> None:
    """Add the command to the parser of ``center``."""
    witness = commands.add_parser(
        "witness",
        help="vouch for logs that only grow",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    kinds = witness.add_subparsers(dest="kind", required=True, metavar="WHAT")
    vkey = kinds.add_parser("vkey", help="print the verifier key")
    vkey.set_defaults(run=_vkey)
    cosign = kinds.add_parser("cosign", help="vouch for a checkpoint in a file")
    cosign.add_argument(
        "file", type=Path, metavar="FILE", help="a consistency proof, or the first checkpoint"
    )
    cosign.add_argument("--out", type=Path, metavar="FILE", help="write the cosignature there, not on stdout")
    cosign.set_defaults(run=_cosign)
    serve = kinds.add_parser("serve", help="answer add-checkpoint over HTTP (c2sp.org/tlog-witness)")
    serve.add_argument("--host", default="127.0.0.1", help="address to listen on; default 127.0.0.1")
    serve.add_argument("--port", required=True, type=int, metavar="N", help="0 for any free one")
    serve.set_defaults(run=_serve)
    for kind in (vkey, cosign, serve):
        kind.add_argument("--name", required=True, help="the name that cosignatures carry")
        kind.add_argument("--key", required=True, type=Path, metavar="FILE", help="the private key, 32 bytes")
    for kind in (cosign, serve):
        kind.add_argument("--state-dir", required=True, type=Path, metavar="D", help="this witness's memory")
        kind.add_argument(
            "--log", dest="logs", required=True, action="append", metavar="VKEY", help="a log to watch"
        )


def _vkey(arguments: argparse.Namespace) -> int:
    print(_cosigner(arguments).vkey)
    return OK


def _cosign(arguments: argparse.Namespace) -> int:
    release = lock_state_dir(arguments.state_dir)
    try:
        witness = _witness(arguments)
        line = _vouched(witness, _read(arguments.file), wall_ms() // 1000)
    finally:
        release()
    if arguments.out is not None:
        write_whole(arguments.out, line.encode())
    else:
        sys.stdout.buffer.write(line.encode())
        sys.stdout.buffer.flush()
    return OK


def _vouched(witness: Witness, text: str, time_s: int) -> str:
    try:
        asked = request_from(text, witness)
        if isinstance(asked, Consistency):
            return witness.cosign_consistency(asked, time_s=time_s)
        return witness.cosign(asked, time_s=time_s)
    except RefusedError as error:
        raise WitnessError(f"not vouched for: {error}") from error


def _serve(arguments: argparse.Namespace) -> int:
    log_setup.configure()
    release = lock_state_dir(arguments.state_dir)
    try:
        asyncio.run(_listen(WitnessServer(_witness(arguments), lambda: wall_ms() // 1000), arguments))
    finally:
        release()
    return OK


async def _listen(server: WitnessServer, arguments: argparse.Namespace) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for signum in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signum, stop.set)
    try:
        listening = await server.listen(arguments.host, arguments.port)
    except (OSError, OverflowError) as error:
        raise OutputError(
            f"{arguments.host} port {arguments.port}: cannot listen there ({error}): choose another"
        ) from error
    port = listening.sockets[0].getsockname()[1]
    print(f"{_cosigner(arguments).vkey} at http://{arguments.host}:{port}", flush=True)
    await stop.wait()
    listening.close()


def _witness(arguments: argparse.Namespace) -> Witness:
    cosigner = _cosigner(arguments)
    try:
        logs = [NoteVerifier(vkey) for vkey in arguments.logs]
    except EvidenceError as error:
        raise ConfigError(f"--log: {error}") from error
    return Witness(WitnessStore(arguments.state_dir, CosignatureVerifier(cosigner.vkey)), cosigner, logs)


def _cosigner(arguments: argparse.Namespace) -> Cosigner:
    try:
        return Cosigner(arguments.name, SigningKey.from_seed(read_key(arguments.key)))
    except EvidenceError as error:
        raise ConfigError(f"--name {arguments.name}: {error}") from error


def _read(path: Path) -> str:
    try:
        data = read_whole(path.resolve(), CONSISTENCY_MAX)
        if data is None:
            raise WitnessError(f"{path}: there is no such file")
        return data.decode("utf-8")
    except (UnreadableError, UnicodeDecodeError) as error:
        raise WitnessError(f"{path}: {error}: give a checkpoint or a consistency proof") from error
