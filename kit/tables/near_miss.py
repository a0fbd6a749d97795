"""An unknown key of a configuration, with the one that was probably meant."""

import difflib
import re
from collections.abc import Mapping


def explain(message: str, tables: Mapping[str, tuple[type, ...]], top: type) -> str:
    """What msgspec says of a mistake, with a hint where it is an unknown key.

    Args:
        message: of msgspec's ValidationError, which names the key and its table.
        tables: by how the name of a table begins, what it may be; the first that fits counts.
        top: the whole file.
    """
    match = re.search(r"unknown field `([^`]+)`(?: - at `\$\.?([^`]*)`)?", message)
    if match is None:
        return message
    key, table = match.group(1), (match.group(2) or "the top level").replace("[...]", "")
    structs = next((structs for name, structs in tables.items() if table.startswith(name)), (top,))
    names = [name for struct in structs for name in struct.__annotations__ if not name.startswith("_")]
    near = difflib.get_close_matches(key, names, 1)
    hint = f"did you mean {near[0]!r}?" if near else f"known keys: {', '.join(names)}"
    return f"unknown key {key!r} in {table}; {hint}"
