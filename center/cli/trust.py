"""Whose manifest to believe, for commands that run where centerd is and for those that run far from it."""

import argparse
from pathlib import Path

from center.cli.manifest_keys import add_manifest_keys, manifest_keys
from center.config import load_config, load_manifest
from center.errors import ConfigError
from center.files import UnreadableError, read_whole
from crypto import manifest
from crypto.errors import EvidenceError
from crypto.manifest import TrustedManifest
from crypto.wire import MANIFEST_MAX


def add_trust(parser: argparse.ArgumentParser) -> None:
    """Options: the centre's configuration, or a manifest and the keys that may have signed it."""
    parser.add_argument("--config", type=Path, metavar="F", help="centerd's configuration")
    parser.add_argument(
        "--manifest",
        type=Path,
        metavar="FILE",
        help="or, elsewhere: the signed manifest, with --manifest-key",
    )
    add_manifest_keys(parser, required=False)


def trusted_manifest(arguments: argparse.Namespace) -> TrustedManifest:
    """The manifest, verified; raises ConfigError."""
    if arguments.config is not None:
        return load_manifest(load_config(arguments.config))
    if arguments.manifest is None or not arguments.keys:
        raise ConfigError(
            "which manifest counts? Give --config, or --manifest with --manifest-key for each key"
        )
    trusted, threshold = manifest_keys(arguments)
    try:
        data = read_whole(arguments.manifest.resolve(), MANIFEST_MAX)
        if data is None:
            raise ConfigError(f"{arguments.manifest}: there is no such file: check the path")
        return manifest.load(data, trusted=trusted, threshold=threshold)
    except (UnreadableError, EvidenceError) as error:
        raise ConfigError(f"{arguments.manifest}: {error}") from error
