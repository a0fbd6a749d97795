"""The audit of the manifest, on which all else leans, and of the files of keys that repeat what it says."""

from collections.abc import Mapping

from center.audit.folder import AuditedFolder
from center.audit.record import AuditRecord
from center.publication import layout as publication
from center.publication.manifests import read_chain
from crypto.errors import EvidenceError
from crypto.manifest import TrustedManifest
from crypto.wire import MANIFEST_MAX


def audit_manifest(
    folder: AuditedFolder, record: AuditRecord, *, trusted: Mapping[str, bytes], threshold: int
) -> TrustedManifest | None:
    """The manifest, None when it is missing, or ``threshold`` of the trusted keys did not sign it or one before it."""
    data = folder.read(publication.MANIFEST, MANIFEST_MAX)
    if data is None:
        return None

    def earlier(name: str) -> bytes | None:
        return folder.read(name, MANIFEST_MAX) if folder.exists(name) else None

    try:
        loaded = read_chain(data, earlier, trusted=trusted, threshold=threshold)
    except EvidenceError as error:
        record.fault(publication.MANIFEST, str(error))
        return None
    record.checked["manifest"] = 1
    if loaded.earlier:
        record.checked["earlier manifests"] = len(loaded.earlier)
    return loaded


def audit_key_files(folder: AuditedFolder, record: AuditRecord, trusted: TrustedManifest) -> None:
    """Hold the files of keys against the manifest."""
    for name, expected in publication.key_files(trusted).items():
        data = folder.read(name, publication.VKEYS_MAX)
        if data is not None and data != expected:
            record.fault(name, "is not what the manifest says: use the keys of the manifest")
