"""A second device and a second person of tests/e2e/corporate-chat.test.mjs, by
python-socketio: prints every event as a line of JSON, and emits what it is told to,
`[event, payload]` a line, answering with the acknowledgement."""

import asyncio
import json
import sys

import socketio


def tell(*line):
    print(json.dumps(line), flush=True)


async def main(url, token, transport):
    device = socketio.AsyncClient(reconnection=False)
    device.on("*", lambda event, data: tell(event, data))
    await device.connect(url, auth={"token": token}, transports=[transport])
    tell("connected", device.transport())
    lines = asyncio.StreamReader()
    protocol = asyncio.StreamReaderProtocol(lines)
    await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, sys.stdin)
    while line := await lines.readline():
        event, payload = json.loads(line)
        tell("answer", await device.call(event, payload))
    await device.disconnect()


asyncio.run(main(*sys.argv[1:]))
