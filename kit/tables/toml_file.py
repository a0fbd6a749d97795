"""TOML files of the configuration, before anything in them is checked."""

import tomllib
from pathlib import Path
from typing import Any, Final

from kit.tables.devices import ConfigError

TOML_MAX: Final = 1_000_000  # bytes of one file


def read_toml(path: Path, advice: str) -> dict[str, Any]:
    """Read a file; raises ConfigError, with ``advice`` where it cannot be read."""
    try:
        if path.stat().st_size > TOML_MAX:
            raise ConfigError(f"{path}: larger than any configuration ({TOML_MAX} bytes)")
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read ({error}); {advice}") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: not valid TOML: {error}") from error
