import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent


def test_diagrams_show_other_transitions_than_the_programs_have() -> None:
    command = [sys.executable, "docs/generate_diagrams.py", "--check"]
    result = subprocess.run(
        command, cwd=ROOT, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
