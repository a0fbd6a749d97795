"""``kitctl courier print`` with a real kit and a simulated printer: what is on paper is the sealed envelope."""

import asyncio
import time

from crypto import carrier_code
from crypto.carrier import to_compact
from drivers.printer import encode
from kit import exit_codes
from kit.tape.courier import CodedEnvelope
from kit.tape.maker import TapeMaker
from tests.kit.harness import ONE_TERMINAL
from tests.kit.real_kit import PATIENCE_S
from tests.kit.test_courier_arrives_with_nothing import released
from tests.kit.test_tape_is_half_on_paper import bench


async def test_tape_holds_another_envelope() -> None:
    branch = released()
    data = branch.station.outbox.items[2].data
    texts = carrier_code.write(to_compact(data, ONE_TERMINAL.loaded))
    maker = TapeMaker(ONE_TERMINAL.loaded, "branch-1", width_dots=576, font=None)
    tape = maker.courier("courier:1", [CodedEnvelope("device-1 #2 tally terminal-1-1 (1)", texts)])
    dots = b"".join(encode._without_commands(band.rows) for band in tape.bands)
    async with bench(branch) as there:
        await there.tapes(zero="printed")
        code, _, err = await there.kit.ctl("courier", "print", "9", "--lang", "en")
        assert (code, "0 envelopes to print" in err) == (exit_codes.UNAVAILABLE, True)
        code, out, err = await there.kit.ctl("courier", "print", "2", "--lang", "en")
        assert (code, "on the printer: envelopes 2;" in out) == (exit_codes.OK, True), err
        deadline = time.monotonic() + PATIENCE_S
        while not any(b"".join(paper).startswith(dots) for paper in there.model.paper.tapes):
            assert time.monotonic() < deadline, "it is not on paper"
            await asyncio.sleep(0.05)
        assert await there.kit.end() == 0
