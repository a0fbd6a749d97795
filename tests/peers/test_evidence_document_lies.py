"""Readers of docs/evidence.md type its commands: each must show what the page says, with other people's tools."""

from pathlib import Path

import pytest

from tests.peers import evidence_document, require_program
from tests.peers.evidence_document import BlockError

pytestmark = pytest.mark.peer

TOOLS = ("bash", "jq", "openssl", "xxd", "go")
BLOCKS = evidence_document.blocks(evidence_document.PAGE.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Path:
    for tool in TOOLS:
        require_program(tool)
    return evidence_document.copies(tmp_path_factory.mktemp("reader"))


def test_the_page_has_commands() -> None:
    assert len(BLOCKS) > 10


@pytest.mark.parametrize("number", range(len(BLOCKS)))
def test_a_command_shows_something_else_than_the_page_says(number: int, example: Path) -> None:
    block = BLOCKS[number]
    assert evidence_document.rendered(block, example) == block, "run python -m tests.peers.evidence_document"


def test_a_command_that_fails_is_no_command_that_prints_nothing(example: Path) -> None:
    assert evidence_document.run("$ true\n", example) == [""]
    with pytest.raises(BlockError, match="exit code 1 of 'false'"):
        evidence_document.run("$ true\n$ false\n", example)
