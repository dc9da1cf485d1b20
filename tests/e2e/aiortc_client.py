"""A participant made of aiortc: joins a room as docs/protocol.md describes, publishes
a moving picture and a tone, and prints what it receives, a JSON object a second,
until its standard input ends.

    aiortc_client.py ws://127.0.0.1:8080/ws ROOM NAME
"""

import array
import asyncio
import fractions
import json
import logging
import math
import os
import struct
import sys

import av
from aiortc import (
    RTCBundlePolicy,
    RTCConfiguration,
    RTCPeerConnection,
    RTCSessionDescription,
    VideoStreamTrack,
)
from aiortc.mediastreams import AudioStreamTrack, MediaStreamError
from aiortc.sdp import candidate_from_sdp
import websockets

RATE = 48_000
SAMPLES = RATE // 50


class Tone(AudioStreamTrack):
    """440 Hz, loud enough to be heard as speech."""

    def __init__(self):
        super().__init__()
        self._position = 0
        self._start = None

    async def recv(self):
        loop = asyncio.get_running_loop()
        self._start = self._start or loop.time()
        due = self._start + self._position / RATE
        await asyncio.sleep(max(0, due - loop.time()))
        wave = [
            int(12_000 * math.sin(2 * math.pi * 440 * (self._position + n) / RATE))
            for n in range(SAMPLES)
        ]
        frame = av.AudioFrame(format="s16", layout="mono", samples=SAMPLES)
        frame.planes[0].update(struct.pack(f"<{SAMPLES}h", *wave))
        frame.sample_rate = RATE
        frame.pts = self._position
        frame.time_base = fractions.Fraction(1, RATE)
        self._position += SAMPLES
        return frame


class MovingPicture(VideoStreamTrack):
    """A brightness that goes up and down, 30 pictures a second."""

    async def recv(self):
        pts, time_base = await self.next_timestamp()
        level = int(127 + 100 * math.sin(pts / 90_000))
        frame = av.VideoFrame(width=320, height=240, format="yuv420p")
        for plane in frame.planes:
            plane.update(bytes([level]) * plane.buffer_size)
        frame.pts = pts
        frame.time_base = time_base
        return frame


def loudness(frame):
    """Mean square of the samples, 0 to 1."""
    samples = array.array("h", bytes(frame.planes[0]))[: frame.samples]
    return sum(sample * sample for sample in samples) / len(samples) / 32768**2


class Received:
    """Counts what arrives decoded."""

    def __init__(self):
        self.pictures = 0
        self.size = [0, 0]
        self.energy = 0.0

    async def watch(self, track):
        try:
            while True:
                frame = await track.recv()
                if track.kind == "video":
                    self.pictures += 1
                    self.size = [frame.width, frame.height]
                else:
                    self.energy += loudness(frame)
        except MediaStreamError:
            pass

    def line(self, state):
        return json.dumps(
            {"state": state, "pictures": self.pictures, "size": self.size, "energy": self.energy}
        )


async def hear(socket, kind):
    while True:
        message = json.loads(await socket.recv())
        if message["type"] == "error":
            raise RuntimeError(message)
        if message["type"] == kind:
            return message


async def enter(socket, room, name):
    await socket.send(json.dumps({"type": "hello", "protocol": 1, "name": name}))
    await hear(socket, "welcome")
    await socket.send(json.dumps({"type": "join", "request": 1, "room": room}))
    await hear(socket, "joined")


async def negotiate(socket, connection, senders):
    await connection.setLocalDescription(await connection.createOffer())
    publish = [
        {"mid": transceiver.mid, "source": source} for source, transceiver in senders.items()
    ]
    for source in senders:
        await socket.send(json.dumps({"type": "publish", "source": source, "state": "live"}))
    offer = connection.localDescription.sdp
    await socket.send(
        json.dumps({"type": "offer", "request": 2, "sdp": offer, "publish": publish})
    )
    answer = (await hear(socket, "answer"))["sdp"]
    await connection.setRemoteDescription(RTCSessionDescription(answer, "answer"))
    # The candidates stand in the first m-section (RFC 9429 §5.3.1); of several
    # bundled sections aiortc takes those of the last.
    for line in answer.splitlines():
        if line.startswith("a=candidate:"):
            candidate = candidate_from_sdp(line.removeprefix("a=candidate:"))
            candidate.sdpMid = "0"
            await connection.addIceCandidate(candidate)


async def drain(socket):
    async for _ in socket:
        pass


async def report(received, connection):
    while True:
        print(received.line(connection.connectionState), flush=True)
        await asyncio.sleep(1)


async def main(url, room, name):
    # Otherwise aiortc gives each kind a transport and forgets to bundle the Slots'.
    bundle = RTCConfiguration(bundlePolicy=RTCBundlePolicy.MAX_BUNDLE)
    connection = RTCPeerConnection(bundle)
    received = Received()
    senders = {
        "microphone": connection.addTransceiver(Tone(), direction="sendonly"),
        "camera": connection.addTransceiver(MovingPicture(), direction="sendonly"),
    }
    for kind in ("audio", "video"):
        connection.addTransceiver(kind, direction="recvonly")

    @connection.on("track")
    def watch(track):
        asyncio.ensure_future(received.watch(track))

    async with websockets.connect(url, max_size=None) as socket:
        await enter(socket, room, name)
        await negotiate(socket, connection, senders)
        tasks = [asyncio.ensure_future(drain(socket)), asyncio.ensure_future(report(received, connection))]
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
        for task in tasks:
            task.cancel()
        await socket.send(json.dumps({"type": "leave"}))
    await connection.close()


logging.basicConfig(level=os.environ.get("AIORTC_LOG", "WARNING"))
asyncio.run(main(*sys.argv[1:]))
