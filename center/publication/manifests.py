"""The manifests of a publication: the newest, and behind it those that were superseded, as far as they are there.

Whoever reads needs the folder and the manifest keys alone. A manifest that nothing was made under may be left out with
all before it; a leaf under one that is left out is a leaf under no manifest.
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
            break
        try:
            older = manifest.load(data, trusted=trusted, threshold=threshold)
        except EvidenceError as error:
            raise ManifestError(f"{name}: {error}") from error
        if older.sha256 != before:
            raise ManifestError(f"{name}: holds another manifest, {older.sha256}: get another copy")
        earlier.append(older)
        before = older.manifest.supersedes
    return linked(loaded, earlier)
