"""Imported first by every script beside it: the tree's packages go before the scripts, one of which is ``failover``.

The tests' fixtures, which are no part of what is installed, are found by it too.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
