"""A log, and claims about it, true and false: what other people's verifiers and ours are asked to judge."""

from typing import Final, NamedTuple

from hypothesis import strategies as st

from crypto import merkle

SIZE: Final = 300  # leaves: more than one tile of 256
SMALL: Final = 34  # every pair of sizes up to here is compared
DATA: Final = tuple(b"fact %d" % number for number in range(SIZE))
TREE: Final = merkle.Tree([merkle.leaf_hash(data) for data in DATA])
SAMPLED: Final = (1, 2, 3, 63, 64, 65, 255, 256, 257, 299, 300)

hashes = st.binary(min_size=32, max_size=32)


class Claim(NamedTuple):
    """Sizes (or index and size), hashes on the way, and the hashes at both ends."""

    first: int
    second: int
    path: tuple[bytes, ...]
    start: bytes
    end: bytes


@st.composite
def claims(draw: st.DrawFn, *, inclusion: bool) -> Claim:
    """A true claim about the log, or one that is wrong in some place."""
    second = draw(st.integers(1, SIZE))
    first = draw(st.integers(0, second - 1) if inclusion else st.integers(1, second))
    path = list(TREE.inclusion(first, second) if inclusion else TREE.consistency(first, second))
    start = merkle.leaf_hash(DATA[first]) if inclusion else TREE.root(first)
    end = TREE.root(second)
    for _ in range(draw(st.integers(0, 2))):
        match draw(st.sampled_from(["first", "second", "drop", "add", "swap", "change", "start", "end"])):
            case "first":
                first = draw(st.integers(0 if inclusion else 1, SIZE))
            case "second":
                second = draw(st.integers(1, SIZE))
            case "drop" if path:
                path.pop(draw(st.integers(0, len(path) - 1)))
            case "add":
                path.insert(draw(st.integers(0, len(path))), draw(hashes | st.sampled_from([start, end])))
            case "swap" if len(path) > 1:
                at = draw(st.integers(0, len(path) - 2))
                path[at : at + 2] = reversed(path[at : at + 2])
            case "change" if path:
                path[draw(st.integers(0, len(path) - 1))] = draw(hashes)
            case "start":
                start = draw(hashes | st.just(end))
            case "end":
                end = draw(hashes | st.just(start))
    return Claim(first, second, tuple(path), start, end)
