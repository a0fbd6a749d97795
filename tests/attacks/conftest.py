"""The scene is a fixture of all attacks."""

from tests.attacks.stage import scene

__all__ = ["scene"]
