"""The rules of this house that no linter knows."""

import ast
import re
import subprocess
import tomllib
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parent.parent
WINGS: Final = ("kit", "drivers", "failover", "crypto", "simulators", "center")
FUNCTION_MAX: Final = 70  # lines, docstring and all
CORE_MAX: Final = 400  # lines
CORES: Final = (
    *("kit/day/polling_day.py", "kit/day/day_desk.py", "kit/day/terminals_heard.py", "kit/day/readiness.py"),
    *("kit/power/power.py", "kit/power/endurance.py", "kit/devices.py", "kit/tapes.py"),
    *(
        "kit/outbox.py",
        "kit/station.py",
        "kit/commands/commands.py",
        "kit/commands/clock_hints.py",
        "kit/manifests/adoption.py",
    ),
    *(
        "kit/ladder/escalation.py",
        "kit/ladder/ladder.py",
        "kit/sms/rung.py",
        "kit/sms/hour.py",
        "kit/sms/letter.py",
        "kit/sms/modems.py",
    ),
    *("kit/sms/inbox.py", "kit/links/lines.py", "kit/commands/pacing.py", "kit/sims/choice.py"),
    *("kit/sims/state.py", "kit/links/traffic.py"),
)
CORE_WINGS: Final = ("failover", "crypto")
SHELLS: Final = ("failover/routing/shell.py", "failover/routing/netlink.py")  # in these wings, and no core
SHAPELESS_NAMES: Final = ("util", "utils", "helper", "helpers", "common", "misc")
TRACKED_FILE_MAX: Final = 4 * 1024 * 1024  # bytes read of one file

# Written in pieces, or this file would break its own rule.
FOREIGN_WORDS: Final = {
    "a path of one machine": re.compile(r"(?<![\w.~$}/-])/(?:wor" r"k|roo" r"t|hom" r"e|User" r"s)/\w"),
    "a package registry": re.compile(
        r"py" r"pi\.org|python" r"hosted\.org|registry\.npm" r"js|deb\.deb" r"ian\.org|proxy\.go" r"lang"
    ),
    "where packages come from": re.compile(r"--(?:extra-)?index" r"-url|--find" r"-links|--trusted" r"-host"),
}
MAY_NAME_OPTIONS: Final = ("deploy/dev/lock.sh",)  # turns them off


def _tracked() -> list[str]:
    """Files under version control; in an unpacked archive, all but hidden folders and what is made."""
    if (ROOT / ".git").exists():
        listed = subprocess.run(
            ["git", "-C", str(ROOT), "ls-files", "-z"], capture_output=True, check=True, text=True
        )
        return [name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]
    found = (path.relative_to(ROOT) for path in ROOT.rglob("*") if path.is_file())
    return [str(path) for path in found if not re.search(r"(^|/)(\.(?!ci/)|build/|__pycache__)", str(path))]


TRACKED: Final = _tracked()
PYTHON: Final = [name for name in TRACKED if name.endswith(".py")]


def _lint_config() -> dict[str, list[str]]:
    config = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    ignores: dict[str, list[str]] = config["tool"]["ruff"]["lint"]["per-file-ignores"]
    return ignores


def test_rules_look_at_files_at_all() -> None:
    assert len([name for name in PYTHON if name.startswith(WINGS)]) > 10


def test_function_too_long_to_be_read_at_a_glance() -> None:
    too_long = []
    for name in PYTHON:
        for node in ast.walk(ast.parse((ROOT / name).read_bytes())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                if lines > FUNCTION_MAX:
                    too_long.append(f"{name}:{node.lineno} {node.name}: {lines} lines")
    assert not too_long, f"functions over {FUNCTION_MAX} lines; take them apart"


def test_core_too_long_to_be_held_in_mind() -> None:
    cores = [name for name in PYTHON if name in CORES or name.split("/")[0] in CORE_WINGS]
    too_long = {name: len((ROOT / name).read_bytes().splitlines()) for name in cores}
    too_long = {name: lines for name, lines in too_long.items() if lines > CORE_MAX}
    assert not too_long, f"cores over {CORE_MAX} lines; split them by concept"


@pytest.mark.parametrize("core", CORES)
def test_core_was_renamed_and_escapes_its_rules(core: str) -> None:
    assert (ROOT / core).is_file(), "name the core's new file in CORES"


def test_module_whose_name_says_nothing() -> None:
    shapeless = [name for name in PYTHON if Path(name).stem in SHAPELESS_NAMES]
    shapeless += [name for name in PYTHON if set(Path(name).parent.parts) & set(SHAPELESS_NAMES)]
    assert not shapeless, "name modules after the one concept in them"


@pytest.mark.parametrize("pattern", _lint_config())
def test_lint_exception_for_a_file_that_is_gone(pattern: str) -> None:
    assert any(path.suffix == ".py" for path in ROOT.glob(pattern.replace("/**", "/**/*"))), (
        f"per-file-ignores names {pattern!r}, where there is no file: remove the entry"
    )


def test_core_is_allowed_clocks_or_sockets() -> None:
    allowed = {
        str(path.relative_to(ROOT))
        for pattern, rules in _lint_config().items()
        if "TID251" in rules
        for path in ROOT.glob(pattern.replace("/**", "/**/*"))
    }
    cores = {name for name in PYTHON if name in CORES or name.split("/")[0] in CORE_WINGS}
    assert set(SHELLS) <= cores, "name the shells' new files in SHELLS"
    assert not allowed & (cores - set(SHELLS)), "a core is sans-I/O: nothing may be lifted for it"


def test_wait_that_swallows_a_cancellation() -> None:
    """asyncio.wait_for does, when what it waits for is done just then (Python 3.11): a program does not end."""
    ours = [name for name in PYTHON if name.split("/")[0] in WINGS]
    waiting = [name for name in ours if "asyncio.wait_for(" in (ROOT / name).read_text(encoding="utf-8")]
    assert not waiting, "async with asyncio.timeout(...)"


def test_tree_without_a_licence() -> None:
    assert "Apache License" in (ROOT / "LICENSE").read_text(encoding="utf-8")


def test_wing_is_missing_from_wheel_types_or_import_rules() -> None:
    config = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
    assert set(config["hatch"]["build"]["targets"]["wheel"]["packages"]) == set(WINGS)
    assert set(config["mypy"]["packages"]) >= set(WINGS)
    assert set(config["importlinter"]["root_packages"]) == set(WINGS)


def test_test_module_that_shadows_another_folders() -> None:
    """Modules of a folder that is no package are imported by their bare name: there may be only one of each."""
    bare = [
        Path(name).stem
        for name in PYTHON
        if name.startswith("tests/") and not (ROOT / name).with_name("__init__.py").is_file()
    ]
    taken = [*WINGS, "tests", *bare]
    assert not {name for name in bare if taken.count(name) > 1}, "give each folder of tests an __init__.py"


@pytest.mark.parametrize("what", FOREIGN_WORDS)
def test_tree_names_what_only_one_machine_has(what: str) -> None:
    found = []
    for name in TRACKED:
        if what == "where packages come from" and name in MAY_NAME_OPTIONS:
            continue
        with (ROOT / name).open("rb") as file:
            text = file.read(TRACKED_FILE_MAX).decode("utf-8", "replace")
        found += [
            f"{name}:{text.count(chr(10), 0, match.start()) + 1}: {match[0]}"
            for match in FOREIGN_WORDS[what].finditer(text)
        ]
    assert not found, what


def test_dependency_that_is_not_pinned_by_hash() -> None:
    for lock in ("requirements.lock", "requirements-build.lock"):
        text = (ROOT / lock).read_text(encoding="utf-8").replace("\\\n", " ")
        for line in text.splitlines():
            if line and not line.startswith("#"):
                assert re.match(r"[a-z0-9-]+==\S+ .*--hash=sha256:[0-9a-f]{64}", line), f"{lock}: {line[:80]}"


def test_dependency_that_the_lock_does_not_know() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    wanted = [*project["dependencies"], *extras["sim"], *extras["dev"]]
    names = {re.split(r"[<>=!~\[; ]", item, maxsplit=1)[0].lower().replace("_", "-") for item in wanted}
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    locked = set(re.findall(r"^([a-z0-9-]+)==", lock, re.MULTILINE))
    assert names <= locked, "run: make lock"
