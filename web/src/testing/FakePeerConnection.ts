/**
 * As much of RTCPeerConnection as negotiation touches: transceivers get mids with
 * the local description and directions with the answer, as RFC 9429 has it.
 */

type Direction = RTCRtpTransceiverDirection;

export class FakeTrack extends EventTarget {
  enabled = true;
  contentHint = '';
  stopped = false;
  deviceId: string | undefined;

  constructor(readonly kind: 'audio' | 'video') {
    super();
  }

  stop(): void {
    this.stopped = true;
  }

  getSettings(): MediaTrackSettings {
    return this.deviceId === undefined ? {} : { deviceId: this.deviceId };
  }

  /** Unplugged, or "stop sharing" in the browser's own bar. */
  ends(): void {
    this.dispatchEvent(new Event('ended'));
  }
}

export const fakeTrack = (kind: 'audio' | 'video'): MediaStreamTrack & FakeTrack =>
  new FakeTrack(kind) as never;

/** Takes one `setParameters` at a time, as browsers do, and keeps which layers each left active. */
export class FakeSender {
  track: FakeTrack | null = null;
  readonly set: string[][] = [];
  refusal: Error | undefined;
  #setting = false;

  constructor(public encodings: RTCRtpEncodingParameters[] = []) {}

  async replaceTrack(track: FakeTrack | null): Promise<void> {
    this.track = track;
  }

  getParameters(): RTCRtpSendParameters {
    return { encodings: structuredClone(this.encodings) } as RTCRtpSendParameters;
  }

  async setParameters({ encodings }: RTCRtpSendParameters): Promise<void> {
    if (this.#setting) throw new DOMException('one at a time', 'InvalidStateError');
    this.#setting = true;
    await Promise.resolve();
    this.#setting = false;
    if (this.refusal) throw this.refusal;
    this.encodings = encodings;
    this.set.push(this.activeLayers());
  }

  activeLayers(): string[] {
    return this.encodings.filter(({ active = true }) => active).flatMap(({ rid }) => rid ?? []);
  }

  /** As in Chromium by an answer that pauses no layer. */
  activatesAll(): void {
    for (const encoding of this.encodings) encoding.active = true;
  }
}

class FakeTransceiver {
  mid: string | null = null;
  currentDirection: Direction | null = null;
  readonly receiver: { track: FakeTrack };
  readonly sender: FakeSender;

  constructor(
    readonly kind: 'audio' | 'video',
    readonly direction: Direction,
    encodings: RTCRtpEncodingParameters[] = [],
  ) {
    this.sender = new FakeSender(structuredClone(encodings));
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
    init: { direction: Direction; sendEncodings?: RTCRtpEncodingParameters[] },
  ): FakeTransceiver {
    const transceiver = new FakeTransceiver(kind, init.direction, init.sendEncodings);
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
      transceiver.sender.activatesAll();
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
