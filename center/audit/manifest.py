"""The audit of the manifest, on which all else leans, and of the files of keys that repeat what it says."""

from collections.abc import Mapping

from center.audit.folder import AuditedFolder
from center.audit.record import AuditRecord
from center.publication import layout as publication
from crypto import manifest
from crypto.errors import EvidenceError
from crypto.manifest import TrustedManifest
from crypto.wire import MANIFEST_MAX


def audit_manifest(
    folder: AuditedFolder, record: AuditRecord, *, trusted: Mapping[str, bytes], threshold: int
) -> TrustedManifest | None:
    """The manifest, None when it is missing or ``threshold`` of the trusted keys did not sign it."""
    data = folder.read(publication.MANIFEST, MANIFEST_MAX)
    if data is None:
        return None
    try:
        loaded = manifest.load(data, trusted=trusted, threshold=threshold)
    except EvidenceError as error:
        record.fault(publication.MANIFEST, str(error))
        return None
    record.checked["manifest"] = 1
    return loaded


def audit_key_files(folder: AuditedFolder, record: AuditRecord, trusted: TrustedManifest) -> None:
    """Hold the files of keys against the manifest."""
    for name, expected in publication.key_files(trusted).items():
        data = folder.read(name, publication.VKEYS_MAX)
        if data is not None and data != expected:
            record.fault(name, "is not what the manifest says: use the keys of the manifest")
