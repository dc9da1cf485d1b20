/**
 * As much of RTCPeerConnection as negotiation touches: transceivers get mids with
 * the local description and directions with the answer, as RFC 9429 has it.
 */

type Direction = RTCRtpTransceiverDirection;

export class FakeTrack extends EventTarget {
  enabled = true;
  contentHint = '';
  stopped = false;

  constructor(readonly kind: 'audio' | 'video') {
    super();
  }

  stop(): void {
    this.stopped = true;
  }

  getSettings(): MediaTrackSettings {
    return {};
  }

  /** Unplugged, or "stop sharing" in the browser's own bar. */
  ends(): void {
    this.dispatchEvent(new Event('ended'));
  }
}

export const fakeTrack = (kind: 'audio' | 'video'): MediaStreamTrack & FakeTrack =>
  new FakeTrack(kind) as never;

class FakeTransceiver {
  mid: string | null = null;
  currentDirection: Direction | null = null;
  readonly receiver: { track: FakeTrack };
  readonly sender = {
    track: null as FakeTrack | null,
    replaceTrack: async (track: FakeTrack | null) => {
      this.sender.track = track;
    },
  };

  constructor(
    readonly kind: 'audio' | 'video',
    readonly direction: Direction,
  ) {
    this.receiver = { track: new FakeTrack(kind) };
  }
}

export class FakePeerConnection {
  static readonly all: FakePeerConnection[] = [];
  connectionState: RTCPeerConnectionState = 'new';
  onconnectionstatechange: (() => void) | null = null;
  onicecandidate: ((event: { candidate: RTCIceCandidate | null }) => void) | null = null;
  localDescription: { sdp: string } | null = null;
  readonly transceivers: FakeTransceiver[] = [];
  offers = 0;
  restarts = 0;
  closed = false;

  constructor() {
    FakePeerConnection.all.push(this);
  }

  addTransceiver(
    kind: 'audio' | 'video',
    { direction }: { direction: Direction },
  ): FakeTransceiver {
    const transceiver = new FakeTransceiver(kind, direction);
    this.transceivers.push(transceiver);
    return transceiver;
  }

  getTransceivers(): FakeTransceiver[] {
    return this.transceivers;
  }

  async createOffer(): Promise<{ sdp: string }> {
    this.offers += 1;
    return { sdp: `offer ${this.offers}` };
  }

  async setLocalDescription(description: { sdp: string }): Promise<void> {
    this.localDescription = description;
    this.transceivers.forEach((transceiver, index) => {
      transceiver.mid ??= String(index);
    });
  }

  async setRemoteDescription(): Promise<void> {
    for (const transceiver of this.transceivers) {
      transceiver.currentDirection = transceiver.direction;
    }
  }

  restartIce(): void {
    this.restarts += 1;
  }

  close(): void {
    this.closed = true;
  }

  becomes(state: RTCPeerConnectionState): void {
    this.connectionState = state;
    this.onconnectionstatechange?.();
  }
}
