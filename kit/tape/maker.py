"""Draws tapes for one branch and one printer."""

from collections.abc import Iterable
from typing import Literal

from crypto.manifest import TrustedManifest
from drivers.ports import Tape
from kit.tape.courier import CodedEnvelope, courier_tape
from kit.tape.documents import Subject, tally_tape, zero_tape
from kit.tape.draw import bands
from kit.tape.fonts import Fonts


class TapeMaker:
    """Loads the font at once: a branch learns in the morning that it is missing; raises fonts.TapeFontError."""

    def __init__(self, manifest: TrustedManifest, branch: str, *, width_dots: int, font: str | None) -> None:
        self._manifest, self._branch, self._width = manifest, branch, width_dots
        self._fonts = Fonts(font)

    def make(self, name: str, kind: Literal["zero", "tally"], subject: Subject) -> Tape:
        """Draw a tape; ``name`` becomes its id.

        Raises:
            EvidenceError: the report is none of this terminal's.
            TapeLengthError: it is longer than a printer takes.
        """
        write = zero_tape if kind == "zero" else tally_tape
        return Tape(name, bands(write(subject, self._manifest, self._branch), self._width, self._fonts))

    def courier(self, name: str, envelopes: Iterable[CodedEnvelope]) -> Tape:
        """Draw sealed envelopes as codes; ``name`` becomes its id. Raises TapeLengthError."""
        return Tape(name, bands(list(courier_tape(self._branch, envelopes)), self._width, self._fonts))
