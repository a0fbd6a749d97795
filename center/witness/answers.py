"""What a witness answers to ``add-checkpoint`` (c2sp.org/tlog-witness), whoever carries the question."""

from typing import Final

import structlog

from center.errors import CenterError
from center.witness.address import Answer
from center.witness.witness import Reason, RefusedError, Request, Witness

_STATUS: Final[dict[Reason, int]] = {
    "malformed": 400,
    "unsigned": 403,
    "unknown-log": 404,
    "wrong-size": 409,
    "inconsistent": 422,
}

_log = structlog.get_logger("witness")


def add_checkpoint(witness: Witness, body: bytes, *, time_s: int) -> Answer:
    """Answer one request at a time (seconds since the epoch): a cosignature, or the status that says why not."""
    try:
        line = witness.cosign(Request.from_bytes(body), time_s=time_s)
    except RefusedError as error:
        _log.warning("refused", reason=error.reason, why=str(error))
        if error.reason == "wrong-size":
            return Answer(409, f"{error.size}\n".encode(), "text/x.tlog.size")
        return Answer(_STATUS[error.reason], f"{error}\n".encode())
    except CenterError as error:
        _log.critical("not-cosigned", error=str(error))
        return Answer(500, b"this witness cannot write down what it vouches for\n")
    return Answer(200, line.encode())
