"""docs/ceremony.md: what it tells people to type can be typed, and what it says of refusals is what they read."""

import re
from pathlib import Path

import pytest

from tests.ceremony.hall import run

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = (ROOT / "docs" / "ceremony.md").read_text(encoding="utf-8")
CODE = "".join(
    path.read_text(encoding="utf-8")
    for folder in ("center/ceremony", "center/cli", "crypto", "center")
    for path in sorted((ROOT / folder).glob("*.py"))
)


def section(title: str) -> str:
    return DOCUMENT.split(f"## {title}\n", 1)[1].split("\n## ", 1)[0]


REFUSALS = re.findall(
    r"`([^`]+)`", "\n".join(re.findall(r"^\| (`.+?) \|", section("When something is refused"), re.MULTILINE))
)
STEPS = re.findall(
    r"`((?:plan|key|enrol|dkg|manifest|share|drill)(?: [a-z0-9]+)?) ?[^`]*`", section("Step by step")
)


def spoken(text: str) -> str:
    """Source text as it is spoken: literals joined, what is filled in left open."""
    joined = re.sub(r'"\s*\n\s*f?"', "", text)
    return re.sub(r"\{[^{}]*\}", "\0", joined)


@pytest.mark.parametrize("refusal", REFUSALS)
def test_refusal_that_no_command_utters(refusal: str) -> None:
    fixed = re.split(r"\.\.\.|\b[AXB]\b|\b[0-9]+\b|, this is", refusal)
    for piece in (part.strip(" ,") for part in fixed):
        assert piece in spoken(CODE), piece


def test_document_has_its_tables() -> None:
    assert len(REFUSALS) > 15
    assert {"plan check", "key new", "dkg finish", "manifest sign", "drill open"} <= set(STEPS)


@pytest.mark.parametrize("step", sorted(set(STEPS)))
def test_step_that_is_no_command(step: str) -> None:
    assert run(*step.split()[:2], "--help")[0] == 0


def test_exit_code_that_is_not_said() -> None:
    said = set(map(int, re.findall(r"\b\d+\b", DOCUMENT.split("Exit codes: ", 1)[1].split("\n\n", 1)[0])))
    assert said == {0, 1, 64, 65, 69, 73, 77, 78}
