"""Command lines of ITU-T V.250: what stands between ``AT`` and the carriage return, as single commands."""

import re
from dataclasses import dataclass
from typing import Final, Literal

Kind = Literal["execute", "read", "test", "set"]

_SPACES_OUTSIDE_QUOTES: Final = re.compile(r'("[^"]*"?)|[\s\x00-\x1f]+')
_BASIC: Final = re.compile(r"(&?[A-Z])(\d*)")
_S_REGISTER: Final = re.compile(r"S(\d+)(?:(\?)|=(\d*))?")
_EXTENDED: Final = re.compile(r"([+*^%$#][A-Z][A-Z0-9!%\-./:_]*)")
_END_OF_COMMAND: Final = re.compile(r'(?:[^";]|"[^"]*")*')


class AtSyntaxError(Exception):
    """The line cannot be read as commands."""


@dataclass(frozen=True, slots=True)
class AtCommand:
    """One command. ``name``: in capitals, as in ``+CSQ``, ``E``, ``&F``, ``S``. ``text``: what follows it, unread."""

    name: str
    kind: Kind
    text: str = ""

    def values(self) -> list[str | None]:
        """The values between commas, quotes taken off; None where one was left out."""
        if not self.text:
            return []
        parts = re.findall(r'(?:^|,)((?:[^",]|"[^"]*")*)', self.text)
        return [part.replace('"', "") if part else None for part in parts]


def parse_line(body: str) -> list[AtCommand]:
    """The commands of a line, without its ``AT``; an empty line has none.

    Raises:
        AtSyntaxError: something is no command.
    """
    left = _SPACES_OUTSIDE_QUOTES.sub(lambda match: match[1] or "", body)
    commands: list[AtCommand] = []
    while left:
        if left[0] == ";":
            left = left[1:]
            continue
        command, used = _next_command(left)
        commands.append(command)
        left = left[used:]
    return commands


def _next_command(left: str) -> tuple[AtCommand, int]:
    capitals = left.upper()
    if extended := _EXTENDED.match(capitals):
        return _extended(left, extended)
    if capitals[0] == "D":
        end = len(left)
        return AtCommand("D", "set", left[1:end]), end
    if register := _S_REGISTER.match(capitals):
        number, question, value = register.groups()
        if question:
            return AtCommand("S", "read", number), register.end()
        return AtCommand("S", "set", f"{number},{value or '0'}"), register.end()
    if basic := _BASIC.match(capitals):
        if basic[1] == "S" or capitals[basic.end() :].startswith(("?", "=")):
            raise AtSyntaxError(left)
        return AtCommand(basic[1], "execute", basic[2]), basic.end()
    raise AtSyntaxError(left)


def _extended(left: str, match: re.Match[str]) -> tuple[AtCommand, int]:
    ended = _END_OF_COMMAND.match(left, match.end())
    end = ended.end() if ended else len(left)
    rest = left[match.end() : end]
    if end < len(left) and left[end] == '"':  # a quote that nobody closed
        raise AtSyntaxError(left)
    if not rest:
        return AtCommand(match[1], "execute"), end
    if rest == "?":
        return AtCommand(match[1], "read"), end
    if rest == "=?":
        return AtCommand(match[1], "test"), end
    if rest[0] == "=":
        return AtCommand(match[1], "set", rest[1:]), end
    raise AtSyntaxError(left)
