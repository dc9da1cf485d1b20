"""python-socketio as a process: commands in on stdin, events and answers out on
stdout, one JSON object a line. With `sfu` it also talks, through aiortc."""

import asyncio
import json
import sys

import socketio
from aiortc import (
    RTCBundlePolicy,
    RTCConfiguration,
    RTCPeerConnection,
    RTCSessionDescription,
)
from aiortc.mediastreams import AudioStreamTrack
from aiortc.sdp import candidate_from_sdp


def say(message):
    print(json.dumps(message), flush=True)


class Client:
    def __init__(self):
        self.sio = socketio.AsyncClient(reconnection=False)
        self.namespace = "/"
        self.answers = asyncio.Queue()
        self.refusal = None
        self.peer = None

    async def connect(self, command):
        self.namespace = command["namespace"]
        self.sio.on("*", self.heard, namespace=self.namespace)
        self.sio.on("disconnect", self.gone, namespace=self.namespace)
        self.sio.on("connect_error", self.refused, namespace=self.namespace)
        try:
            await self.sio.connect(
                command["url"],
                auth=command["auth"],
                namespaces=[self.namespace],
                transports=[command["transport"]],
                wait_timeout=15,
            )
        except socketio.exceptions.ConnectionError as error:
            return self.refusal or str(error)
        return "connected"

    async def refused(self, data):
        self.refusal = data["message"] if isinstance(data, dict) else str(data)

    async def heard(self, event, payload=None):
        if event == "answer" and self.peer and "fromUserId" not in payload:
            await self.answers.put(payload)
        say({"event": event, "payload": payload})

    async def gone(self, reason=None):
        say({"event": "disconnect", "payload": reason})

    async def ask(self, command):
        return await self.sio.call(
            command["event"], command["payload"], namespace=self.namespace, timeout=15
        )

    async def emit(self, command):
        await self.sio.emit(command["event"], command["payload"], namespace=self.namespace)

    async def sfu(self, command):
        """Publishes through the SFU; answers when its media is connected."""
        bundled = RTCBundlePolicy.MAX_BUNDLE
        configuration = RTCConfiguration(iceServers=[], bundlePolicy=bundled)
        self.peer = RTCPeerConnection(configuration)
        connected = asyncio.Event()

        @self.peer.on("connectionstatechange")
        def changed():
            if self.peer.connectionState == "connected":
                connected.set()

        self.peer.addTransceiver(AudioStreamTrack(), direction="sendonly")
        self.peer.addTransceiver("audio", direction="recvonly")
        await self.peer.setLocalDescription(await self.peer.createOffer())
        offer = {"type": "offer", "sdp": self.peer.localDescription.sdp}
        publish = [{"mid": "0", "source": "microphone"}]
        payload = {"callId": command["callId"], "offer": offer, "publish": publish}
        said = await self.ask({"event": "offer", "payload": payload})
        if not said["success"]:
            return said
        answer = (await self.answers.get())["answer"]
        await self.peer.setRemoteDescription(RTCSessionDescription(**answer))
        # The candidates stand in the first m-section (RFC 9429 §5.3.1); of several
        # bundled sections aiortc takes those of the last.
        for line in answer["sdp"].splitlines():
            if line.startswith("a=candidate:"):
                candidate = candidate_from_sdp(line.removeprefix("a=candidate:"))
                candidate.sdpMid = "0"
                await self.peer.addIceCandidate(candidate)
        await asyncio.wait_for(connected.wait(), 15)
        return said


async def main():
    client = Client()
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        command = json.loads(line)
        result = await getattr(client, command["do"])(command)
        say({"answers": command["id"], "result": result})


asyncio.run(main())
