"""Sorts what couriers bring: envelopes, compact carriers, parts of them from codes, bundles, in whatever order.

Whatever comes twice is one; whatever is not whole says what is missing. Nothing is written here.
"""

from dataclasses import dataclass, field
from typing import Final

from crypto.carrier import from_compact
from crypto.carrier_code import Collection, PartError, is_part, place_of
from crypto.codec import sha256_hex
from crypto.courier_bundle import BundledEnvelope, CourierBundle, check_bundle, is_bundle
from crypto.errors import EvidenceError
from crypto.manifest import TrustedManifest
from crypto.statements import SealedTally
from crypto.submissions import CheckedSubmission, check_submission
from crypto.wire import ENVELOPE_MAX

BROUGHT_MAX: Final = 1_000  # envelopes of one call
EARLIER: Final = "an earlier import"
_LINE_PREFIX: Final = "QR-Code:"  # what readers of codes put before a text, if they are not told otherwise
_SUFFIXES: Final = (".dsse.json", ".compact")


@dataclass(slots=True)
class BroughtEnvelope:
    """One envelope, verified by itself, and where it was found."""

    checked: CheckedSubmission
    sources: list[str]

    @property
    def words(self) -> str:
        """What it is, in a line."""
        told = self.checked.statement
        kind = "tally" if isinstance(told, SealedTally) else "account"
        return (
            f"{kind} of {told.terminal}, branch {told.branch}, envelope {told.seq} of {told.device} "
            f"({_listed(self.sources)})"
        )


@dataclass(slots=True)
class Brought:
    """What was brought so far."""

    manifest: TrustedManifest
    envelopes: dict[str, BroughtEnvelope] = field(default_factory=dict)
    """By SHA-256 of their JSON, in the order in which they were found."""
    bundles: list[tuple[str, CourierBundle]] = field(default_factory=list)
    """The signed lists, and where each was found."""
    refused: list[tuple[str, str]] = field(default_factory=list)
    """Where something useless was found, and why it is."""
    ignored: list[str] = field(default_factory=list)
    """Files that do not claim to be anything for us: receipts, indexes, other people's."""
    _parts: Collection = field(default_factory=Collection)
    _part_sources: dict[str, list[str]] = field(default_factory=dict)
    _texts: dict[str, dict[int, str]] = field(default_factory=dict)
    """The texts of parts, by tag and number."""

    def file(self, source: str, data: bytes) -> None:
        """Take the content of a file that is no picture."""
        try:
            if data[:1] == b"{" and is_bundle(data):
                self.bundles.append((source, check_bundle(data, self.manifest)))
            elif texts := _texts(data):
                self.codes(source, texts)
            elif not self._envelope(source, data):
                self.ignored.append(source)
        except EvidenceError as error:
            self.refused.append((source, str(error)))

    def codes(self, source: str, texts: list[str]) -> None:
        """Take what a reader of codes read off a picture, or off several."""
        for text in texts:
            try:
                tag = self._parts.add(text)
            except PartError as error:
                self.refused.append((source, str(error)))
                continue
            self._texts.setdefault(tag, {}).update(_by_number([text]).get(tag, {}))
            sources = self._part_sources.setdefault(tag, [])
            if source not in sources:
                sources.append(source)

    def recall(self, kept: list[str]) -> None:
        """Take parts that earlier calls left over, after all others: where they do not fit, they go."""
        for tag, parts in _by_number(kept).items():
            if tag in self._parts.whole:
                continue
            together = parts | self._texts.get(tag, {})
            trial = Collection()
            if trial.add_all(together.values()) or len(self._texts) >= BROUGHT_MAX:
                continue
            self._texts[tag] = together
            self._part_sources.setdefault(tag, []).append(EARLIER)
            self._parts.open.pop(tag, None)
            self._parts.open |= trial.open
            self._parts.whole |= trial.whole

    def left_over(self) -> list[str]:
        """The texts of parts to be recalled in a later call; those of this call first."""
        tags = sorted(self._parts.open, key=lambda tag: self._part_sources.get(tag) == [EARLIER])
        return [text for tag in tags for text in self._texts.get(tag, {}).values()]

    def forgotten(self) -> int:
        """How many envelopes of earlier calls still lack parts, and got none in this one."""
        return sum(self._part_sources.get(tag) == [EARLIER] for tag in self._parts.open)

    def close(self) -> list[str]:
        """Take the envelopes that are whole; returns what is not, in words that name the missing parts."""
        for tag, whole in self._parts.whole.items():
            source = _listed(self._part_sources[tag])
            try:
                if not self._envelope(source, whole):
                    self.refused.append((source, "its codes make no envelope"))
            except EvidenceError as error:
                self.refused.append((source, str(error)))
        return [
            f"envelope with codes ...:{tag}: of {pieces.count} parts these are missing: "
            f"{', '.join(map(str, pieces.missing))} (others: {_listed(self._part_sources[tag])}): photograph and "
            f"import them too; those that are there are kept"
            for tag, pieces in self._parts.open.items()
            if self._part_sources.get(tag, [EARLIER]) != [EARLIER]
        ]

    def absent(self) -> list[tuple[CourierBundle, BundledEnvelope]]:
        """What a bundle lists and nobody brought. It may be in the log already."""
        found: dict[str, tuple[CourierBundle, BundledEnvelope]] = {}
        for _, bundle in self.bundles:
            for item in bundle.envelopes:
                if item.sha256 not in self.envelopes:
                    found[item.sha256] = (bundle, item)
        return list(found.values())

    def _envelope(self, source: str, data: bytes) -> bool:
        """Whether it claims to be one; raises EvidenceError for one that is none of ours."""
        claims = source.lower().endswith(_SUFFIXES) or (data[:1] == b"{" and b'"payloadType"' in data)
        if len(data) > ENVELOPE_MAX or not data:
            if claims:
                self.refused.append((source, f"has {len(data)} bytes: an envelope has 1 to {ENVELOPE_MAX}"))
            return claims
        if data[:1] != b"{":
            try:
                data = from_compact(data, self.manifest)
            except EvidenceError:
                if claims:
                    raise
                return False
        elif not claims:
            return False
        checked = check_submission(data, self.manifest)
        sha256 = sha256_hex(data)
        if sha256 in self.envelopes:
            sources = self.envelopes[sha256].sources
            sources += [] if source in sources else [source]
        elif len(self.envelopes) >= BROUGHT_MAX:
            self.refused.append(
                (source, f"more than {BROUGHT_MAX} envelopes: import a part of them at a time")
            )
        else:
            self.envelopes[sha256] = BroughtEnvelope(checked, [source])
        return True


def _texts(data: bytes) -> list[str]:
    """The texts of codes in a file, one a line; none where it is no such file."""
    try:
        lines = data.decode("ascii").splitlines()
    except UnicodeDecodeError:
        return []
    texts = [line.strip("\r\n").removeprefix(_LINE_PREFIX) for line in lines]
    return [text for text in texts if is_part(text)]


def _by_number(texts: list[str]) -> dict[str, dict[int, str]]:
    """Texts of parts by tag and number; others fall out."""
    found: dict[str, dict[int, str]] = {}
    for text in texts:
        place = place_of(text)
        if place is not None:
            found.setdefault(place[0], {}).setdefault(place[1], text)
    return found


def _listed(sources: list[str]) -> str:
    shown = ", ".join(sources[:3])
    return shown if len(sources) <= 3 else f"{shown} and {len(sources) - 3} more"  # noqa: PLR2004 - a line's worth
