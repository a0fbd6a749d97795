"""The options that say which keys may sign manifests: all that a stranger to the centre has to be given."""

import argparse

from center.cli.command import natural
from center.errors import ConfigError
from crypto import codec
from crypto.errors import EvidenceError
from crypto.identity import check_public, key_id


def add_manifest_keys(parser: argparse.ArgumentParser, *, required: bool = True) -> None:
    """Add the options. Where they are not ``required``, ``keys`` may be empty."""
    parser.add_argument(
        "--manifest-key",
        dest="keys",
        required=required,
        action="append",
        default=None if required else [],
        metavar="KEY",
        help="base64 of an Ed25519 public key that may sign manifests; once for each",
    )
    parser.add_argument(
        "--threshold",
        type=natural,
        metavar="K",
        help="how many of them must have signed; default: more than half",
    )


def manifest_keys(arguments: argparse.Namespace) -> tuple[dict[str, bytes], int]:
    """The keys by key id, and how many of them must have signed; raises ConfigError."""
    if not arguments.keys:
        raise ConfigError("whose manifest counts? Give --manifest-key for each key that may sign it")
    trusted = dict(map(_key, arguments.keys))
    threshold = len(trusted) // 2 + 1 if arguments.threshold is None else arguments.threshold
    if not 1 <= threshold <= len(trusted):
        raise ConfigError(
            f"--threshold {threshold}: {len(trusted)} different keys are given: 1 to {len(trusted)}"
        )
    return trusted, threshold


def _key(text: str) -> tuple[str, bytes]:
    try:
        public = codec.unb64(text)
        check_public(public)
    except EvidenceError as error:
        raise ConfigError(f"--manifest-key {text}: {error}") from error
    return key_id(public), public
