"""How a command that reads a journal ends: its own exit code, or the one of what stopped it."""

import argparse
from collections.abc import Callable

from crypto.errors import EvidenceError
from kit import config as configs
from kit import exit_codes
from kit.cli import journal_sources as sources
from kit.cli.client import NoDaemonError
from kit.cli.failing import fail
from kit.journal.journal import JournalError


def outcome(command: Callable[[argparse.Namespace], int], given: argparse.Namespace) -> int:
    """Run a command; tell what stopped it, if anything did. Returns the exit code."""
    try:
        return command(given)
    except NoDaemonError as error:
        return fail(f"kitd does not answer ({error})", exit_codes.UNAVAILABLE)
    except sources.SourceError as error:
        return fail(str(error), exit_codes.UNAVAILABLE)
    except configs.ConfigError as error:
        return fail(str(error), exit_codes.CONFIG)
    except (JournalError, EvidenceError) as error:
        return fail(str(error), exit_codes.DATA)
    except OSError as error:
        return fail(str(error), exit_codes.CANNOT_CREATE)
