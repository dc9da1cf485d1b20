"""An encoder made of GStreamer's webrtcbin, which has no whipsink of its own before 1.24:
offers by one POST, as whipsink does, and publishes test pictures and a tone.

    gst_whip.py URL [bearer token]

Prints the resource, then "connected"; publishes until it is ended, and leaves by DELETE.
"""

import signal
import sys
import urllib.request
from urllib.parse import urljoin

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstWebRTC", "1.0")
gi.require_version("GstSdp", "1.0")
from gi.repository import GLib, Gst, GstSdp, GstWebRTC  # noqa: E402

PIPELINE = """
    webrtcbin name=whip bundle-policy=max-bundle
    videotestsrc is-live=true pattern=ball ! video/x-raw,width=320,height=180,framerate=15/1
        ! vp8enc deadline=1 keyframe-max-dist=30 ! rtpvp8pay pt=96
        ! application/x-rtp,media=video,encoding-name=VP8,payload=96 ! whip.
    audiotestsrc is-live=true ! opusenc ! rtpopuspay pt=111
        ! application/x-rtp,media=audio,encoding-name=OPUS,payload=111 ! whip.
"""


class Encoder:
    def __init__(self, url, token):
        self.url = url
        self.headers = {"Authorization": f"Bearer {token}"} if token else {}
        self.resource = None
        self.offered = False
        self.loop = GLib.MainLoop()
        self.pipeline = Gst.parse_launch(PIPELINE)
        self.webrtc = self.pipeline.get_by_name("whip")
        self.webrtc.connect("on-negotiation-needed", self.negotiate)
        self.webrtc.connect("notify::ice-gathering-state", self.gathered)
        self.webrtc.connect("notify::connection-state", self.state_changed)
        for transceiver in self.transceivers():
            transceiver.props.direction = GstWebRTC.WebRTCRTPTransceiverDirection.SENDONLY

    def transceivers(self):
        index = 0
        while (transceiver := self.webrtc.emit("get-transceiver", index)) is not None:
            yield transceiver
            index += 1

    def negotiate(self, _):
        self.webrtc.emit("create-offer", None, Gst.Promise.new_with_change_func(self.made))

    def made(self, promise):
        promise.wait()
        reply = promise.get_reply()
        offer = reply["offer"]
        local = Gst.Promise.new()
        self.webrtc.emit("set-local-description", offer, local)
        local.interrupt()

    def gathered(self, *_):
        done = self.webrtc.props.ice_gathering_state == GstWebRTC.WebRTCICEGatheringState.COMPLETE
        if done and not self.offered:
            self.offered = True
            GLib.idle_add(self.post)

    def post(self):
        sdp = self.webrtc.props.local_description.sdp.as_text()
        headers = {**self.headers, "Content-Type": "application/sdp"}
        request = urllib.request.Request(self.url, sdp.encode(), headers, method="POST")
        with urllib.request.urlopen(request, timeout=10) as response:
            self.resource = urljoin(self.url, response.headers["Location"])
            answer = response.read()
        _, message = GstSdp.SDPMessage.new()
        GstSdp.sdp_message_parse_buffer(answer, message)
        kind = GstWebRTC.WebRTCSDPType.ANSWER
        answer = GstWebRTC.WebRTCSessionDescription.new(kind, message)
        self.webrtc.emit("set-remote-description", answer, Gst.Promise.new())
        print(self.resource, flush=True)

    def state_changed(self, *_):
        state = self.webrtc.props.connection_state
        if state == GstWebRTC.WebRTCPeerConnectionState.CONNECTED:
            print("connected", flush=True)
        if state == GstWebRTC.WebRTCPeerConnectionState.FAILED:
            self.loop.quit()

    def run(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            GLib.unix_signal_add(GLib.PRIORITY_DEFAULT, number, self.loop.quit)
        self.pipeline.set_state(Gst.State.PLAYING)
        self.loop.run()
        self.pipeline.set_state(Gst.State.NULL)
        if self.resource:
            request = urllib.request.Request(self.resource, headers=self.headers, method="DELETE")
            urllib.request.urlopen(request, timeout=10).close()


if __name__ == "__main__":
    Gst.init(None)
    Encoder(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else None).run()
