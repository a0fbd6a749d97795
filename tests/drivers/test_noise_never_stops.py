"""Interference without end: twenty bursts a second, none of which ends a frame. What is short enough gets through."""

from random import Random

import pytest
from terminal_far_end import Bench, FarTerminal

from drivers.ports import TerminalDone, TerminalLost, TerminalStatus, TerminalUp
from drivers.terminal.frames import FRAME_MAX, Decoder, Frame, encode

BURST_MS = (30, 70)  # from one burst to the next
BYTES_PER_S = 11_520  # 115200 bit/s, ten bits a byte


class NoisyLine(Bench):
    """Bytes take their time on the line; at every burst, noise arrives in the middle of whatever is on its way."""

    def __init__(self, seed: int, *, far: FarTerminal | None = None) -> None:
        super().__init__(far=far, status_interval_ms=1_000)
        self.random = Random(seed)
        self.next_burst = self.now

    def burst(self) -> bytes:
        """No zero in it: nothing but the frame's own delimiter can end it."""
        return bytes(self.random.randrange(1, 256) for _ in range(self.random.randrange(1, 30)))

    def run(self, ms: int) -> None:
        """Millisecond by millisecond. The kit's requests arrive at the far end spoilt in the same way."""
        outward, inward = bytearray(), bytearray()
        out_credit = in_credit = 0.0
        step = self.dialogue.handle_line_up(self.now)
        for _ in range(ms):
            self.events += step.events
            outward += step.send
            self.now += 1
            out_credit = min(out_credit + BYTES_PER_S / 1000, 50)
            in_credit = min(in_credit + BYTES_PER_S / 1000, 50)
            heard, outward = bytes(outward[: int(out_credit)]), outward[int(out_credit) :]
            said, inward = bytes(inward[: int(in_credit)]), inward[int(in_credit) :]
            out_credit -= len(heard)
            in_credit -= len(said)
            if self.now >= self.next_burst:
                self.next_burst = self.now + self.random.randint(*BURST_MS)
                heard, said = heard + self.burst(), said + self.burst()
            for frame in self.kit_line.feed(heard):
                inward += self.far.answer(frame.kind, frame.id, frame.payload)
                self.far.asked.append((frame.kind, frame.id, frame.payload))
            step = self.dialogue.handle_bytes(said, self.now) if said else self.dialogue.handle_tick(self.now)
        self.events += step.events

    kit_line = Decoder()


@pytest.mark.parametrize("seed", range(5))
def test_terminal_stays_out_of_reach_under_bursts(seed: int) -> None:
    line = NoisyLine(seed)
    line.kit_line = Decoder()
    line.run(60_000)
    assert line.said(TerminalUp)
    assert len(line.said(TerminalStatus)) >= 40
    assert len(line.said(TerminalLost)) <= 2, (
        "three bursts in a row may hit; a line that is lost all the time may not"
    )
    assert line.dialogue.decoder.discards["cobs"] + line.dialogue.decoder.discards["crc"] > 50


def test_long_report_never_comes_through_between_the_bursts() -> None:
    """A chunk of 1019 bytes takes 90 ms, and a burst comes every 50 ms: only shorter ones have a chance."""
    far = FarTerminal()
    far.reports[0x17] = tally = bytes(range(256)) * 10
    line = NoisyLine(1, far=far)
    line.kit_line = Decoder()
    line.dialogue.handle_request("tally", line.now)
    line.run(120_000)
    assert line.said(TerminalDone) == [TerminalDone("tally", 1, tally)]


def test_noise_before_every_frame_swallows_none() -> None:
    decoder = Decoder()
    frames = [Frame(2, id_, b"payload") for id_ in range(1, 256)]
    line = b"".join(b"\xa5" * (id_ % 40) + encode(frame) for id_, frame in enumerate(frames))
    assert decoder.feed(line) == frames
    assert decoder.feed(b"\xa5" * 3 * FRAME_MAX + encode(frames[0])) == [frames[0]]
