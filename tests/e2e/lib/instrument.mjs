// Runs in every page before its own scripts: keeps hold of what a test must see
// or break (peer connections, sockets) and reads getStats into plain objects.
// The page does not know; it is measured as a browser measures any page.

export function instrument() {
  const connections = [];
  const sockets = [];

  const NativeConnection = window.RTCPeerConnection;
  window.RTCPeerConnection = class extends NativeConnection {
    constructor(...args) {
      super(...args);
      connections.push(this);
    }
  };

  // Only signaling knows whose voice is on an audio Slot: it has no tile.
  const assigned = new Map();
  const follow = ({ data }) => {
    const { type, slots } = JSON.parse(data);
    if (type !== 'slots' && type !== 'joined') return;
    for (const { mid, participantId, source } of slots) assigned.set(mid, { participantId, source });
  };

  const NativeSocket = window.WebSocket;
  window.WebSocket = class extends NativeSocket {
    constructor(...args) {
      super(...args);
      sockets.push(this);
      this.addEventListener('message', follow);
    }
  };

  // A test that wants media to take another path than the server's own address.
  const answered = NativeConnection.prototype.setRemoteDescription;
  NativeConnection.prototype.setRemoteDescription = function ({ type, sdp }) {
    const port = localStorage.getItem('e2e.mediaPort');
    const detour = port ? sdp.replace(/(a=candidate:.* )\d+( typ host)/g, `$1${port}$2`) : sdp;
    return answered.call(this, { type, sdp: detour });
  };

  // What is published is the first codec of a sending m-line: a test that wants
  // another one than the page prefers says so in localStorage.
  const prefer = RTCRtpTransceiver.prototype.setCodecPreferences;
  RTCRtpTransceiver.prototype.setCodecPreferences = function (codecs) {
    const wanted = localStorage.getItem('e2e.codec');
    if (!wanted || this.direction !== 'sendonly') return prefer.call(this, codecs);
    const available = RTCRtpSender.getCapabilities('video').codecs;
    const named = (name) => available.filter(({ mimeType }) => mimeType.toLowerCase() === name);
    // Of H264 the profile that every browser decodes, of the others the first one.
    const usual = ({ mimeType, sdpFmtpLine = '' }) =>
      /h264/i.test(mimeType)
        ? /profile-level-id=42e0/.test(sdpFmtpLine) && /packetization-mode=1/.test(sdpFmtpLine)
        : !/profile(-id)?=[1-3]/.test(sdpFmtpLine);
    const first = named(`video/${wanted}`).filter(usual);
    return prefer.call(this, [first[0], ...named('video/rtx')]);
  };

  const live = () => connections.findLast(({ connectionState }) => connectionState !== 'closed');

  /** Track ids of the videos that the page shows, by the tile they are in. */
  const shown = () => {
    const tracks = new Map();
    for (const tile of document.querySelectorAll('[data-testid="tile"]')) {
      const stream = tile.querySelector('video')?.srcObject;
      for (const track of stream?.getVideoTracks() ?? []) {
        tracks.set(track.id, {
          participantId: tile.dataset.participantId,
          source: tile.dataset.source,
        });
      }
    }
    return tracks;
  };

  const codecOf = (report, { codecId }) => report.get(codecId)?.mimeType?.toLowerCase() ?? '';

  const transportOf = (report) => {
    const all = [...report.values()];
    const transport = all.find(({ type }) => type === 'transport');
    const pair =
      report.get(transport?.selectedCandidatePairId) ??
      all.find(({ type, selected, nominated }) => type === 'candidate-pair' && (selected ?? nominated));
    return {
      srtpCipher: transport?.srtpCipher,
      dtlsState: transport?.dtlsState,
      localAddress: report.get(pair?.localCandidateId)?.address,
      remotePort: report.get(pair?.remoteCandidateId)?.port,
      outgoingBitrate: pair?.availableOutgoingBitrate ?? 0,
      bytesSent: pair?.bytesSent ?? 0,
    };
  };

  window.__e2e = {
    connections,
    sockets,

    /** Everything that the tests assert on, in one reading. */
    async stats() {
      const connection = live();
      if (!connection) return { video: [], audio: [], sent: [], transport: {} };
      const report = await connection.getStats();
      const tiles = shown();
      const all = [...report.values()];
      const inbound = (kind) => all.filter((stat) => stat.type === 'inbound-rtp' && stat.kind === kind);
      return {
        connectionState: connection.connectionState,
        video: inbound('video').map((stat) => ({
          ...tiles.get(stat.trackIdentifier),
          mid: stat.mid,
          codec: codecOf(report, stat),
          packets: stat.packetsReceived ?? 0,
          frames: stat.framesDecoded ?? 0,
          width: stat.frameWidth ?? 0,
          height: stat.frameHeight ?? 0,
          // Not every browser counts them.
          freezes: stat.freezeCount,
          frozenSecs: stat.totalFreezesDuration,
          dropped: stat.framesDropped,
          lost: stat.packetsLost ?? 0,
          nacks: stat.nackCount ?? 0,
          plis: stat.pliCount ?? 0,
        })),
        audio: inbound('audio').map((stat) => ({
          ...assigned.get(stat.mid),
          mid: stat.mid,
          packets: stat.packetsReceived ?? 0,
          energy: stat.totalAudioEnergy ?? 0,
          concealed: stat.concealedSamples ?? 0,
        })),
        sent: all
          .filter(({ type }) => type === 'outbound-rtp')
          .map((stat) => ({
            kind: stat.kind,
            rid: stat.rid,
            codec: codecOf(report, stat),
            width: stat.frameWidth ?? 0,
            height: stat.frameHeight ?? 0,
            packets: stat.packetsSent ?? 0,
            frames: stat.framesSent ?? 0,
            active: stat.active ?? true,
          })),
        transport: transportOf(report),
      };
    },

    /** Closes the signaling connection under the page, which did not ask for it. */
    closeSockets() {
      for (const socket of sockets) socket.close();
    },

    /** As the browser says that the machine is on another network. */
    changeNetwork() {
      window.dispatchEvent(new Event('online'));
    },

    /** The ufrag that the browser uses now; another one means that ICE restarted. */
    ufrag() {
      return live()?.localDescription?.sdp.match(/a=ice-ufrag:(\S+)/)?.[1];
    },
  };
}
