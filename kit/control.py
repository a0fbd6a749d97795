"""The control socket: officials' orders and technicians' questions, one JSON object a line, over a Unix socket.

Requests: ``{"op": "status"}``, ``{"op": "readiness"}``, ``{"op": "media"}``, ``{"op": "order", "envelope": <base64
DSSE>}`` and the same with ``schedule``, ``endorse`` and ``receipt`` (any form of one); ``{"op": "journal", "first":
<number of fact>}``; ``{"op": "courier"}``: what is released and not delivered, packed; with ``"print": [<number>...]``
on the printer, all of it where the list is empty; ``{"op": "link-test", "uplink": <name>}``, ``{"op": "link-use",
"uplink": <name or null>, "for_s": <seconds>}``, ``{"op": "link-sim", "modem": <name>, "slot": <from 1>}``;
``command`` with ``envelope`` (a note or packed), ``manifest`` in parts with ``envelope``, ``offset`` and ``total``.
Every answer has ``ok``; an answer that is not ok has ``error`` (words) and ``code`` (the exit code of DESIGN §3).
"""

import asyncio
import json
import os
from base64 import b64decode
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from crypto.wire import ENVELOPE_MAX
from kit import exit_codes
from kit.events import (
    Event,
    ManifestHeard,
    MediaAsked,
    OrderReceived,
    ReadinessAsked,
    ReceiptBrought,
    ScheduleHeard,
)
from kit.manifests.parts import ManifestParts
from kit.ports import Post
from kit.questions import question

REQUEST_MAX: Final = (
    ENVELOPE_MAX * 4 // 3 + 1024
)  # bytes of one request line: an envelope in base64, and room
ANSWER_TIMEOUT_S: Final = 30.0
CONNECTIONS_MAX: Final = 16


_HANDED_IN: Final[dict[str, Callable[[bytes, int], Event]]] = {
    "order": OrderReceived,
    "schedule": ScheduleHeard,
    "receipt": ReceiptBrought,
}
"""What becomes of bytes that people hand in."""

_ASKED: Final[dict[str, Callable[[int], Event]]] = {"readiness": ReadinessAsked, "media": MediaAsked}
"""Questions to the cores that hold nothing."""


class Control:
    """Turns requests into events, and Reply effects into answers."""

    def __init__(
        self,
        post: Post,
        status: Callable[[], dict[str, Any]],
        journal: Callable[[int], dict[str, Any]] | None = None,
        courier: Callable[[dict[str, Any], list[Any] | None], dict[str, Any]] | None = None,
    ) -> None:
        self._post, self._status, self._journal, self._courier = post, status, journal, courier
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._next = 1
        self._manifest_parts = ManifestParts()
        self._server: asyncio.Server | None = None
        self._connections = 0

    async def handle(self, request: dict[str, Any]) -> dict[str, Any]:
        """Answer one request; never raises for what a request contains."""
        match request:
            case {"op": "status"}:
                return {"ok": True, "status": self._status()}
            case {"op": "readiness" | "media" as op}:
                return await self._ask(_ASKED[op])
            case {"op": "courier"} if self._courier is not None:
                answer, numbers = await self._ask(MediaAsked), request.get("print")
                wanted = numbers if isinstance(numbers, list) else None
                return self._courier(answer["media"], wanted) if answer["ok"] else answer
            case {"op": "order" | "schedule" | "receipt" as op, "envelope": str(text)}:
                return await self._hand_in(_HANDED_IN[op], text)
            case {"op": "journal", "first": int(first)} if self._journal is not None:
                return self._journal(first)
            case {"op": "endorse" | "link-test" | "link-use" | "link-sim" | "command"} if (
                make := question(request)
            ) is not None:
                return await self._ask(make)
            case {"op": "manifest"}:
                return await self._hand_in_manifest(request)
            case _:
                return _no(
                    'unknown request; known: {"op": "status" | "readiness" | "order" | "schedule" | "media" '
                    '| "courier" | "receipt" | "journal" | "endorse" | "link-test" | "link-use" | "link-sim" | '
                    '"command" | "manifest"}',
                    exit_codes.USAGE,
                )

    async def _hand_in(self, event: Callable[[bytes, int], Event], text: str) -> dict[str, Any]:
        try:
            data = b64decode(text, validate=True)
        except ValueError as error:
            return _no(f"the envelope is not base64: {error}", exit_codes.DATA)
        return await self._ask(lambda token: event(data, token))

    async def _hand_in_manifest(self, request: dict[str, Any]) -> dict[str, Any]:
        taken = self._manifest_parts.take(request)
        if isinstance(taken, dict):
            return taken
        return await self._ask(lambda token: ManifestHeard(taken, "courier", token))

    def reply(self, token: int, body: dict[str, Any]) -> None:
        """Deliver a core's answer to whoever waits for it."""
        waiting = self._waiting.pop(token, None)
        if waiting is not None and not waiting.done():
            waiting.set_result(body)

    async def listen(self, path: Path) -> None:
        """Serve the Unix socket, readable and writable by its owner and group alone."""
        path.unlink(missing_ok=True)  # noqa: ASYNC240 - once, at start; the state lock says that nobody listens
        old = os.umask(0o117)
        try:
            self._server = await asyncio.start_unix_server(self._serve, path=path, limit=REQUEST_MAX)
        finally:
            os.umask(old)

    async def close(self) -> None:
        """Stop listening."""
        if self._server is not None:
            self._server.close()

    async def _ask(self, make: Callable[[int], Event]) -> dict[str, Any]:
        token, self._next = self._next, self._next + 1
        future: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._waiting[token] = future
        self._post(make(token))
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT_S):
                return await future
        except TimeoutError:
            return _no(
                f"no answer within {ANSWER_TIMEOUT_S:.0f} s; look at the log of kitd", exit_codes.UNAVAILABLE
            )
        finally:
            self._waiting.pop(token, None)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections += 1
        try:
            if self._connections > CONNECTIONS_MAX:
                return
            while line := await _line(reader):
                writer.write(json.dumps(await self._answer(line)).encode() + b"\n")
                await writer.drain()
                if not line.endswith(b"\n"):
                    return  # where the next request begins, nobody knows
        except ConnectionError:
            pass  # the asker left
        finally:
            self._connections -= 1
            writer.close()

    async def _answer(self, line: bytes) -> dict[str, Any]:
        if not line.endswith(b"\n"):
            return _no(f"a request is one line of at most {REQUEST_MAX} bytes", exit_codes.USAGE)
        try:
            request = json.loads(line)
        except (ValueError, RecursionError) as error:
            return _no(f"not JSON: {error}", exit_codes.USAGE)
        return await self.handle(request if isinstance(request, dict) else {})


async def _line(reader: asyncio.StreamReader) -> bytes:
    """The next line; without its end if it is longer than REQUEST_MAX or breaks off; empty at the end."""
    try:
        return await reader.readuntil()
    except asyncio.IncompleteReadError as end:
        return end.partial
    except asyncio.LimitOverrunError as over:
        return await reader.readexactly(over.consumed)


def _no(error: str, code: int) -> dict[str, Any]:
    return {"ok": False, "error": error, "code": code}
