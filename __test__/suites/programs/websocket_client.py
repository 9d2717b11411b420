# Python's package `websockets`. The argument is the server's port.

import asyncio
import sys

import websockets


async def main(port):
    async with websockets.connect(f"ws://127.0.0.1:{port}/python", max_size=None) as socket:
        for message in ["grüezi", "", "z" * 100_000, b"\x03" * 70_001]:
            await socket.send(message)
            assert await socket.recv() == message
        await (await socket.ping())

        async def parts():
            for part in ["one ", "two ", "three"]:
                yield part

        await socket.send(parts())
        assert await socket.recv() == "one two three"
        await socket.close(1000, "bye")
        assert socket.close_code == 1000


asyncio.run(main(sys.argv[1]))
