"""A voting terminal by itself: with a rehearsal election made up around it, out of real results and a seed."""

from pathlib import Path
from random import Random
from typing import Final

from crypto.statements import Endpoint
from simulators.devices.terminal import TerminalModel
from simulators.devices.terminal_reports import TerminalSetup
from simulators.election import Times, commission, terminal_of
from simulators.results import load_results, select

SAMPLE: Final = Path(__file__).parents[1] / "sample" / "georgia-2017"
MINUTE_MS: Final = 60_000
POLL_MS: Final = 10 * MINUTE_MS  # from opening to close
TALLY_MS: Final = MINUTE_MS  # from close to tally
OPENING_MS: Final = 60 * MINUTE_MS  # from close to the opening of the seals


def make_terminal(
    *,
    now_ms: int,
    wall_lead_ms: int,
    seed: int = 1,
    firmware: str = "sim-1",
    data: Path = SAMPLE,
    write: Path | None = None,
) -> TerminalModel:
    """Return the terminal of a rehearsal whose polls open now, close in ten minutes and are tallied a minute later.

    Args:
        now_ms: the monotonic clock, milliseconds.
        wall_lead_ms: what the terminal's wall clock is ahead of it.
        seed: draws the polling station whose voters will come, and every key: the same seed, the same terminal.
        firmware: what it calls its program; another name has another SHA-256.
        data: results to draw the station from.
        write: a folder for the manifest and everybody's keys, for a kitd that is to speak with it; none is written
            where it is None.

    Raises:
        DataError: the results cannot be read.
        OSError: the folder cannot be written to.
    """
    results = load_results(data)
    (station,) = select(results, 1, seed)
    wall_ms = now_ms + wall_lead_ms
    close_ms = wall_ms + POLL_MS
    times = Times(wall_ms, close_ms, close_ms + TALLY_MS, close_ms + OPENING_MS)
    entropy = Random(f"{seed}/rehearsal").randbytes
    election = commission(results, (station,), times, entropy, Endpoint(host="127.0.0.1", port=1883))
    if write is not None:
        election.write(write, entropy)
    name = terminal_of(station.branch_id)
    setup = TerminalSetup.of(election.trusted, branch=station.branch_id, terminal=name, firmware=firmware)
    return TerminalModel(
        setup,
        election.terminals[name],
        station.contests,
        boot_id=1,
        seed=seed,
        wall_offset_ms=wall_lead_ms,
    )
