"""Whose manifest to believe, for commands that run where centerd is and for those that run far from it."""

import argparse
from pathlib import Path

from center.cli.command import natural
from center.config import load_config, load_manifest
from center.errors import ConfigError
from center.files import UnreadableError, read_whole
from crypto import codec, manifest
from crypto.errors import EvidenceError
from crypto.identity import check_public, key_id
from crypto.manifest import TrustedManifest
from crypto.wire import MANIFEST_MAX


def add_trust(parser: argparse.ArgumentParser) -> None:
    """Options: the centre's configuration, or a manifest and the keys that may have signed it."""
    parser.add_argument("--config", type=Path, metavar="F", help="centerd's configuration")
    parser.add_argument("--manifest", type=Path, metavar="FILE", help="or, elsewhere: the signed manifest")
    parser.add_argument(
        "--manifest-key",
        dest="keys",
        action="append",
        default=[],
        metavar="KEY",
        help="with --manifest: base64 of an Ed25519 public key that may sign manifests; once for each",
    )
    parser.add_argument(
        "--threshold",
        type=natural,
        metavar="K",
        help="how many of them must have signed; default: more than half",
    )


def trusted_manifest(arguments: argparse.Namespace) -> TrustedManifest:
    """The manifest, verified; raises ConfigError."""
    if arguments.config is not None:
        return load_manifest(load_config(arguments.config))
    if arguments.manifest is None or not arguments.keys:
        raise ConfigError(
            "which manifest counts? Give --config, or --manifest with --manifest-key for each key"
        )
    trusted = dict(map(_key, arguments.keys))
    threshold = len(trusted) // 2 + 1 if arguments.threshold is None else arguments.threshold
    if not 1 <= threshold <= len(trusted):
        raise ConfigError(f"--threshold {threshold}: {len(trusted)} keys are given: 1 to {len(trusted)}")
    try:
        data = read_whole(arguments.manifest.resolve(), MANIFEST_MAX)
        if data is None:
            raise ConfigError(f"{arguments.manifest}: there is no such file: check the path")
        return manifest.load(data, trusted=trusted, threshold=threshold)
    except (UnreadableError, EvidenceError) as error:
        raise ConfigError(f"{arguments.manifest}: {error}") from error


def _key(text: str) -> tuple[str, bytes]:
    try:
        public = codec.unb64(text)
        check_public(public)
    except EvidenceError as error:
        raise ConfigError(f"--manifest-key {text}: {error}") from error
    return key_id(public), public
