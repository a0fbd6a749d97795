"""Whom a command line is told to believe: the manifest, and the keys that may sign one."""

import argparse
from pathlib import Path

from crypto import manifest as manifests
from crypto.codec import unb64
from crypto.errors import EvidenceError
from crypto.identity import check_public, key_id
from crypto.manifest import TrustedManifest
from kit import config as configs
from kit.cli.arguments import Parser
from kit.manifests.file import newest_in


def trust_options() -> Parser:
    """A parent parser with ``--config``, ``--manifest``, ``--manifest-key`` and ``--threshold``."""
    trust = Parser(add_help=False)
    trust.add_argument(
        "--config", type=Path, metavar="FILE", help="kitd.toml: names manifest, keys and socket"
    )
    trust.add_argument("--manifest", type=Path, metavar="FILE", help="the signed manifest")
    trust.add_argument(
        "--manifest-key",
        dest="keys",
        action="append",
        default=[],
        metavar="KEY",
        help="base64; once for each",
    )
    trust.add_argument(
        "--threshold", type=int, metavar="K", help="how many of them signed; default: more than half"
    )
    return trust


def trusted_manifest(given: argparse.Namespace) -> TrustedManifest:
    """The manifest, by the keys of kitd's configuration or of the command line; raises ConfigError."""
    if given.config is not None:
        config = configs.load(given.config)
        path, texts, threshold = _newest(config), config.trust.manifest_keys, config.trust.threshold
    elif given.manifest is not None and given.keys:
        path, texts = given.manifest, tuple(given.keys)
        threshold = given.threshold or len(texts) // 2 + 1
    else:
        raise configs.ConfigError("whom to believe? give --config, or --manifest with --manifest-key")
    try:
        keys = [unb64(text) for text in texts]
        for key in keys:
            check_public(key)
        trusted = {key_id(key): key for key in keys}
        return manifests.load(path.read_bytes(), trusted=trusted, threshold=max(1, threshold))
    except (OSError, EvidenceError) as error:
        raise configs.ConfigError(f"{path}: {error}") from error


def _newest(config: configs.Config) -> Path:
    """The configuration's manifest, or the newest that the kit adopted since."""
    adopted = newest_in(Path(config.state_dir))
    return Path(config.manifest) if adopted is None else adopted
