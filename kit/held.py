"""A driver that fails takes nothing down but its own device.

The failure is logged, the device counts as lost, and the driver begins anew after a while. All else at the kit goes on.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Final

from kit.log import Log
from kit.runner import StuckError

PAUSE_MIN_S: Final = 1.0  # before a driver that failed begins anew
PAUSE_MAX_S: Final = 60.0  # the pause doubles up to this
WELL_S: Final = 600.0  # a driver that ran for so long begins again at PAUSE_MIN_S
REASON_MAX: Final = 200  # characters of what is told of a failure


async def hold(
    name: str, run: Callable[[], Coroutine[Any, Any, None]], lost: Callable[[str], None], log: Log
) -> None:
    """Run a driver until cancelled; never returns by itself.

    Args:
        name: of the device, for the log.
        run: the driver's; called again after it failed.
        lost: tells the core that the device is lost, and why.
        log: of the daemon.

    Raises:
        StuckError: the kit's own loop is stuck, which no driver's new beginning heals.
    """
    loop = asyncio.get_running_loop()
    pause_s = PAUSE_MIN_S
    while True:
        began = loop.time()
        try:
            await run()
            reason = "the driver ended by itself"
            log.error("driver ended", device=name)
        except Exception as error:
            if _is_stuck(error):
                raise
            reason = f"the driver failed: {error!r}"[:REASON_MAX]
            log.exception("driver failed", device=name, error=repr(error))
        if loop.time() - began >= WELL_S:
            pause_s = PAUSE_MIN_S
        lost(f"{reason}; it begins anew in {pause_s:.0f} s: tell the maintainers what the log says")
        await asyncio.sleep(pause_s)
        pause_s = min(2 * pause_s, PAUSE_MAX_S)


def _is_stuck(error: Exception) -> bool:
    """Whether the kit itself is stuck; drivers with several tasks raise groups."""
    if isinstance(error, ExceptionGroup):
        return error.subgroup(StuckError) is not None
    return isinstance(error, StuckError)
