"""The key of a commissioner: a file behind a PIN, or for rehearsals the raw key."""

import argparse
import getpass
import sys
from pathlib import Path
from typing import Final

from center.config import KEY_BYTES, read_key
from center.errors import ConfigError
from center.files import UnreadableError, read_whole
from crypto import key_file
from crypto.identity import SigningKey
from crypto.manifest import TrustedManifest

PIN_FILE_MAX: Final = 2_048  # bytes


def add_key(parser: argparse.ArgumentParser) -> None:
    """Options: the key, and where its PIN comes from when nobody can be asked."""
    parser.add_argument(
        "--key", required=True, type=Path, metavar="FILE", help="the commissioner's key file, or 32 raw bytes"
    )
    parser.add_argument(
        "--pin-file", type=Path, metavar="FILE", help="its first line is the PIN; default: asked for"
    )


def commissioner_key(arguments: argparse.Namespace, manifest: TrustedManifest) -> SigningKey:
    """Read and unlock the key; raises ConfigError, or EvidenceError for a wrong PIN or another one's key."""
    data = _read(arguments.key, key_file.KEY_FILE_MAX)
    if len(data) == KEY_BYTES:
        return SigningKey.from_seed(read_key(arguments.key))
    subject = manifest.manifest
    # Whose key it is comes first: nobody types a PIN for the wrong file.
    header = key_file.read_header(data)
    pin = _pin(arguments.pin_file, f"PIN of {header.role} {header.id}: ")
    held = key_file.open_key(
        data, pin, role="commissioner", election=subject.election, round_number=subject.round
    )
    return held.signing


def _pin(path: Path | None, prompt: str) -> str:
    if path is not None:
        try:
            return _read(path, PIN_FILE_MAX).decode("utf-8").split("\n", 1)[0].removesuffix("\r")
        except UnicodeDecodeError as error:
            raise ConfigError(f"{path}: no UTF-8 text") from error
    if not sys.stdin.isatty():
        raise ConfigError("nobody can be asked for the PIN: give --pin-file")
    return getpass.getpass(prompt)


def _read(path: Path, max_bytes: int) -> bytes:
    try:
        data = read_whole(path.resolve(), max_bytes)
    except UnreadableError as error:
        raise ConfigError(f"{path}: {error}: take the right file") from error
    if data is None:
        raise ConfigError(f"{path}: there is no such file: check the path")
    return data
