"""The client of MQTT: what it was given it gives back, and what ends has ended, whenever that happens."""

import asyncio
import socket

import aiomqtt
import pytest

from drivers.mqtt import Client, refused, words_of
from tests.drivers.one_broker import (
    CONNACK,
    HOST,
    breathless,
    connections,
    one_broker,
    packet,
    silent,
    willing,
)

PACKET_MAX = 1_000
TIMEOUT_S = 0.3
TURNS = 40  # of the loop, at each of which a session is cancelled once


def client(port: int, timeout_s: float = TIMEOUT_S) -> Client:
    return Client(HOST, port, identifier="c", timeout=timeout_s, packet_max=PACKET_MAX)


async def dialled(port: int) -> socket.socket:
    made = socket.socket()
    made.setblocking(False)
    try:
        await asyncio.get_running_loop().sock_connect(made, (HOST, port))
    except BaseException:
        made.close()
        raise
    return made


async def held(one: Client, connection: socket.socket | None) -> None:
    """Until the session ends."""
    await one.enter(connection)
    async for _ in one.messages:
        pass


async def test_broker_that_hangs_up_as_it_takes_us_looks_like_one_that_is_silent() -> None:
    async with one_broker(breathless) as port:
        for connection in (None, await dialled(port)):
            one = client(port)
            async with asyncio.timeout(5):
                with pytest.raises(aiomqtt.MqttError):
                    await held(one, connection)
            one.kill()
        assert connections(port) == 0


async def test_broker_that_hangs_up_before_its_first_word_is_waited_for() -> None:
    async def rude(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await packet(reader)

    async with one_broker(rude) as port:
        one = client(port, timeout_s=60)
        async with asyncio.timeout(5):
            with pytest.raises(aiomqtt.MqttError, match="before the broker answered"):
                await one.enter(await dialled(port))
        one.kill()


async def test_broker_that_hangs_up_instead_of_an_answer_is_waited_for() -> None:
    async def rude(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await packet(reader)
        writer.write(CONNACK)
        await packet(reader)

    async with one_broker(rude) as port:
        one = client(port, timeout_s=60)
        await one.enter(await dialled(port))
        async with asyncio.timeout(5):
            with pytest.raises(aiomqtt.MqttError, match="the connection ended"):
                await one.subscribe("receipts", qos=1)
        await one.leave(1)
        assert connections(port) == 0


@pytest.mark.parametrize("turns", range(1, 4))
async def test_cancelled_as_the_answer_comes_and_goes_on(turns: int) -> None:
    async with one_broker(willing) as port:
        one = client(port, timeout_s=60)
        await one.enter(await dialled(port))
        task = asyncio.create_task(one._wait_for(asyncio.sleep(0), None))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        done, _ = await asyncio.wait([task], timeout=1)
        assert done
        assert task.cancelled() or turns == 3  # by then it had ended
        await one.leave(1)


async def test_broker_that_says_nothing_costs_a_socket_for_each_try() -> None:
    async with one_broker(silent) as port:
        for connection in (None, await dialled(port), None, await dialled(port)):
            one = client(port, timeout_s=0.05)
            with pytest.raises(aiomqtt.MqttError):
                await one.enter(connection)
            await one.leave(0.05)
        assert connections(port) == 0


async def test_broker_that_reads_no_good_bye_is_waited_for() -> None:
    async def deaf(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await packet(reader)
        writer.write(CONNACK)
        await asyncio.Event().wait()

    async with one_broker(deaf) as port:
        one = client(port)
        await one.enter(await dialled(port))
        async with asyncio.timeout(1):
            await one.leave(0.05)
        assert connections(port) == 0


@pytest.mark.parametrize("writing", [True, False])
async def test_socket_of_somebody_else_is_taken_for_one_that_was_closed(*, writing: bool) -> None:
    """Its number is free at once; what the loop was to do with it comes a turn later."""
    loop = asyncio.get_running_loop()
    async with one_broker(willing) as port:
        one = client(port)
        if writing:
            await one.enter(await dialled(port))
            number = one.connection.fileno()
            one._client.publish("t", b"x")
        else:
            connection = await dialled(port)
            number = connection.fileno()
            one._stand_on(connection)
        one.kill()
        pair = socket.socketpair()
        foreign = next(end for end in pair if end.fileno() == number)
        ours = asyncio.Event()
        (loop.add_writer if writing else loop.add_reader)(number, ours.set)
        next(end for end in pair if end is not foreign).send(b"x")
        async with asyncio.timeout(1):
            await ours.wait()
        assert loop.remove_writer(number) is writing
        assert loop.remove_reader(number) is not writing
        for end in pair:
            end.close()


async def test_client_that_was_given_up_comes_in_and_throws_out_the_next() -> None:
    """The broker knows both by one name: the older one's thread may be the later one to connect."""
    welcomed = 0

    async def counting(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal welcomed
        await packet(reader)
        welcomed += 1
        writer.write(CONNACK)
        await asyncio.Event().wait()

    async with one_broker(counting) as port:
        for turns in (0, 1, 2, 3):
            for ready in (False, True):
                one = client(port, timeout_s=60)
                entering = asyncio.create_task(one.enter(await dialled(port) if ready else None))
                for _ in range(turns):
                    await asyncio.sleep(0)
                one.give_up()
                async with asyncio.timeout(5):
                    with pytest.raises(aiomqtt.MqttError, match="given up"):
                        await entering
                await asyncio.sleep(0.02)  # its thread, if any, has connected by now
                assert connections(port) == 0
        assert welcomed == 0


async def life(port: int) -> None:
    """All that an owner does; however it ends, nothing stays."""
    one = client(port)
    try:
        await one.enter(await dialled(port))
        await one.subscribe("a")
        await one.publish("a", b"x", qos=1)
        await one.unsubscribe("a")
    finally:
        await one.leave(0.1)


async def test_session_that_is_cancelled_at_any_turn_leaves_something(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with one_broker(willing) as port:
        ended = 0
        for turns in range(TURNS):
            before = asyncio.all_tasks()
            living = asyncio.create_task(life(port))
            for _ in range(turns):
                await asyncio.sleep(0)
            living.cancel()
            async with asyncio.timeout(2):
                await asyncio.wait([living])
            ended += living.cancelled()
            await asyncio.sleep(0.01)
            assert connections(port) == 0, turns
            assert [task for task in asyncio.all_tasks() - before if task.get_name() != "broker"] == [], turns
        assert ended > 0
        await life(port)
    assert caplog.records == []


async def test_packet_that_no_broker_of_ours_sends_is_taken_in() -> None:
    async def flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await packet(reader)
        writer.write(CONNACK + b"\x30\xff\xff\x7f" + bytes(2 * PACKET_MAX))
        await asyncio.Event().wait()

    async with one_broker(flood) as port:
        one = client(port)
        async with asyncio.timeout(5):
            with pytest.raises(aiomqtt.MqttError):
                await held(one, await dialled(port))
        assert "1000 are the most" in one.ended
        one.kill()


@pytest.mark.parametrize(("code", "words"), [(4, "Bad user name"), (5, "Not authorized")])
async def test_broker_that_does_not_want_us_does_not_say_why(code: int, words: str) -> None:
    async def unwilling(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await packet(reader)
        writer.write(b"\x20\x02\x00" + bytes([code]))
        await asyncio.Event().wait()

    async with one_broker(unwilling) as port:
        one = client(port)
        with pytest.raises(aiomqtt.MqttError) as error:
            await one.enter(await dialled(port))
        await one.leave(0.1)
        said = words_of(error.value, "c-1")
        assert words in said
        assert "check username and password_file" in said
        assert "c-1" in said
        assert connections(port) == 0


def test_refusal_among_grants_is_overlooked() -> None:
    assert refused([0, 1, 0x80, 2, 0x87]) == [2, 4]
    assert refused([]) == []
