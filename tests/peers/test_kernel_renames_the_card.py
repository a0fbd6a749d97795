"""Our netlink client against the real kernel, in a network namespace of its own."""

import asyncio
from collections.abc import Coroutine
from typing import Any, Final

import pytest

from drivers.fibre.errors import KernelSilentError
from drivers.fibre.netlink import Netlink
from drivers.fibre.ports import KernelLink, LinkState
from tests.peers import netns

PATIENCE_S: Final = 30.0


async def drain(link: KernelLink) -> None:
    while True:
        await link.news()


def run(story: Coroutine[Any, Any, None]) -> None:
    async def in_time() -> None:
        async with asyncio.timeout(PATIENCE_S):
            await story

    asyncio.run(in_time())


async def test_no_privilege_and_no_namespace_is_needed_to_look() -> None:
    link = await Netlink("lo")()
    try:
        state = await link.look()
        assert state is not None
        assert state.counters.rx_bytes == state.counters.tx_bytes  # what goes out of a loopback comes in
    finally:
        link.close()
        link.close()


async def test_an_interface_that_never_was_is_not_there() -> None:
    for name in ("no-such-card", "no-such-card-with-a-long-name", "nicht-da-äöü"):
        link = await Netlink(name)()
        assert await link.look() is None
        link.close()


@pytest.mark.peer("ip")
def test_an_alternative_name_will_do() -> None:
    async def story(cable: netns.Cable) -> None:
        cable.add_alternative_name()
        link = await Netlink(netns.ALTERNATIVE)()
        state = await link.look()
        assert state is not None
        assert state.carrier
        cable.far_down()
        assert (await link.news() or state).carrier is False
        link.close()

    with netns.cable() as cable:
        run(story(cable))


@pytest.mark.peer("ip")
def test_a_renamed_card_is_gone_and_back_under_its_own_name() -> None:
    async def story(cable: netns.Cable) -> None:
        link = await Netlink(netns.NEAR)()
        assert await link.look() is not None
        cable.rename(netns.NEAR, "other0")
        assert await link.look() is None
        while await link.news() is not None:
            pass
        cable.rename("other0", netns.NEAR)
        while not ((told := await link.news()) and told.carrier):
            pass
        assert (await link.look() or _never()).carrier
        link.close()

    with netns.cable() as cable:
        run(story(cable))


@pytest.mark.peer("ip")
def test_a_card_that_comes_back_has_another_number_and_the_same_name() -> None:
    async def story(cable: netns.Cable) -> None:
        link = await Netlink(netns.NEAR)()
        assert await link.look() is not None
        cable.remove()
        while await link.news() is not None:
            pass
        assert await link.look() is None
        cable.add()
        while not ((told := await link.news()) and told.carrier):
            pass
        link.close()

    with netns.cable() as cable:
        run(story(cable))


@pytest.mark.peer("ip")
def test_more_news_than_the_kernel_keeps_for_us_is_told_as_silence() -> None:
    async def story(cable: netns.Cable) -> None:
        link = await Netlink(netns.NEAR)()
        cable.flap(1_500)  # several MB of news, while nobody listens
        with pytest.raises(KernelSilentError, match="listening for news of interfaces: No buffer space"):
            await drain(link)
        link.close()
        link = await Netlink(netns.NEAR)()
        assert (await link.look() or _never()).carrier
        link.close()

    with netns.cable() as cable:
        run(story(cable))


@pytest.mark.peer("ip")
def test_each_flap_between_two_looks_is_told() -> None:
    async def story(cable: netns.Cable) -> None:
        link = await Netlink(netns.NEAR)()
        for _ in range(3):
            cable.far_down()
            cable.far_up()
        told: list[bool] = []
        while told.count(False) < 3 or not told[-1]:
            state = await link.news()
            assert state is not None
            told.append(state.carrier)
        link.close()

    with netns.cable() as cable:
        run(story(cable))


def _never() -> LinkState:
    raise AssertionError("the interface is not there")
