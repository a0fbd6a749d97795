"""The manifests of a publication: the newest, and behind it all that were superseded.

Whoever reads needs the folder and the manifest keys alone. None may be left out, though nothing was made under it: a
branch may vote under it still, and nothing is opened before its time.
"""

from collections.abc import Callable, Mapping

from center.publication import layout as publication
from crypto import manifest
from crypto.errors import EvidenceError, ManifestError
from crypto.manifest import TrustedManifest
from crypto.manifest_chain import EARLIER_MAX, linked

Read = Callable[[str], bytes | None]
"""Reads the file of this name, None where there is none."""


def read_chain(newest: bytes, read: Read, *, trusted: Mapping[str, bytes], threshold: int) -> TrustedManifest:
    """The newest manifest with those before it, each signed by ``threshold`` of the trusted keys.

    Raises EvidenceError, as crypto.manifest.load and crypto.manifest_chain.linked do.
    """
    loaded = manifest.load(newest, trusted=trusted, threshold=threshold)
    earlier: list[TrustedManifest] = []
    before = loaded.manifest.supersedes
    while isinstance(before, str) and len(earlier) <= EARLIER_MAX:
        name = publication.earlier_name(before)
        data = read(name)
        if data is None:
            raise ManifestError(
                f"{name}: is missing, and the manifest after it supersedes it: what a branch may have sealed under it, "
                "and when that may be opened, nobody can tell; get another copy"
            )
        try:
            older = manifest.load(data, trusted=trusted, threshold=threshold)
        except EvidenceError as error:
            raise ManifestError(f"{name}: {error}") from error
        if older.sha256 != before:
            raise ManifestError(f"{name}: holds another manifest, {older.sha256}: get another copy")
        earlier.append(older)
        before = older.manifest.supersedes
    return linked(loaded, earlier)
