"""The centre's programs: ``centerd`` receives, ``center`` shows, proves, opens, publishes, audits and witnesses."""

from center.cli.center import main_center
from center.cli.centerd import main_centerd

__all__ = ["main_center", "main_centerd"]
