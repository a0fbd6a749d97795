"""A line that spoils bytes, the same way for the same seed."""

from random import Random
from typing import Final

_KINDS: Final = 3  # a byte is altered, lost or doubled


class LineNoise:
    """Spoils bytes by chance. ``chance`` (0.0 to 1.0, for each byte) may be changed at any time; 0.0 is a clean line.

    The generator is drawn from only while the line is noisy, so that clean traffic before a fault does not change
    what the fault does.
    """

    def __init__(self, seed: int, chance: float = 0.0) -> None:
        self._random = Random(seed)
        self.chance = chance

    def spoil(self, data: bytes) -> bytes:
        """Return what arrives of ``data``: bytes altered, lost or doubled."""
        if self.chance <= 0.0:
            return data
        arrived = bytearray()
        for byte in data:
            if self._random.random() >= self.chance:
                arrived.append(byte)
                continue
            kind = self._random.randrange(_KINDS)
            if kind == 0:
                arrived.append(byte ^ self._random.randrange(1, 256))
            elif kind == 1:
                arrived += bytes((byte, byte))
        return bytes(arrived)
