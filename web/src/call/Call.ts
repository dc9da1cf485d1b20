/**
 * A call from the outside: join, see and hear, be seen and heard, leave. It ties
 * signaling, media path and devices together and holds no rule of theirs.
 */

import { Emitter } from '../emitter';
import { CallError } from '../errors';
import { type Logger, silentLogger } from '../logger';
import type { Message, ParticipantInfo, ServerMessage, TrackSource } from '../protocol/messages';
import { watchNetwork } from '../protocol/network';
import {
  type Credentials,
  SignalSocket,
  type SignalState,
  type WebSocketLike,
} from '../protocol/SignalSocket';
import type { VideoCodec } from '../rtc/codecs';
import { LocalMedia } from '../rtc/LocalMedia';
import { PathRecovery } from '../rtc/recovery';
import type { TileWish } from '../rtc/slots';
import { type StatsSummary, summarize } from '../rtc/stats';
import { Transport } from '../rtc/Transport';
import { Layout } from './Layout';
import { Sources } from './Sources';
import {
  type Action,
  type CallState,
  heardAndSeen,
  initialState,
  isOver,
  reduce,
  slotShowing,
} from './state';
import { Streams } from './Streams';

export interface CallOptions extends Credentials {
  /** The server's WebSocket, such as `wss://calls.example.org/ws`. */
  url: string;
  /** Devices that are open already; the call closes them when it is over. */
  media?: LocalMedia;
  codec?: VideoCodec;
  simulcast?: boolean;
  /** Pictures that the server chooses, for applications that never call `show`. */
  automaticSlots?: number;
  logger?: Logger;
  createWebSocket?: (url: string) => WebSocketLike;
  createPeerConnection?: (configuration: RTCConfiguration) => RTCPeerConnection;
  random?: () => number;
}

export interface CallEvents {
  /** Anything in `state` changed. */
  state: CallState;
  /** A device or a source of ours changed. */
  local: TrackSource;
  /** The streams of `audioStreams()` are other ones. */
  audio: undefined;
  participantJoined: ParticipantInfo;
  participantLeft: ParticipantInfo;
  /** Somebody else muted our microphone, which is off now; `by` nobody in person. */
  muted: Message<'muted'>;
  /** Somebody calls this user; `ringEnded` follows, whatever becomes of it. */
  ring: Message<'ring'>;
  ringEnded: Message<'ring_ended'>;
  /** A request of ours was refused; the call goes on. */
  error: CallError;
}

/** The snapshot follows a resumed welcome at once, unless the call was lost. */
const SNAPSHOT_TIMEOUT_MS = 4_000;
/** A second refusal within that time will not be the last. */
const REFUSAL_WINDOW_MS = 30_000;
const RETRY_JOIN_MS = 2_000;
/** Who cannot get in is told why about when who cannot connect is. */
const GIVE_UP_JOINING_MS = 15_000;
const RETRYABLE = new Set(['timeout', 'rate_limited', 'unavailable']);

export class Call extends Emitter<CallEvents> {
  readonly media: LocalMedia;
  #state: CallState = initialState;
  #socket: SignalSocket;
  #transport: Transport | undefined;
  #recovery: PathRecovery;
  #layout: Layout;
  #iceServers: Message<'welcome'>['iceServers'] = [];
  #sources: Sources;
  #streams = new Streams();
  #joinTimer: ReturnType<typeof setTimeout> | undefined;
  #tellTimer: ReturnType<typeof setTimeout> | undefined;
  #joinDeadline: number | undefined;
  #refusedAt = Number.NEGATIVE_INFINITY;
  #cleanups: (() => void)[] = [];
  #logger: Logger;

  constructor(private readonly options: CallOptions) {
    super();
    const { token, name } = options;
    this.#logger = options.logger ?? silentLogger;
    this.media = options.media ?? new LocalMedia();
    this.#socket = new SignalSocket({
      ...options,
      credentials: {
        ...(token === undefined ? {} : { token }),
        ...(name === undefined ? {} : { name }),
      },
    });
    this.#recovery = new PathRecovery({
      restart: () => this.#transport?.restartIce(),
      rebuild: () => this.#buildTransport(),
    });
    this.#sources = new Sources(this.media, (source, state) =>
      this.#socket.send({ type: 'publish', source, state }),
    );
    this.#layout = new Layout(options.automaticSlots ?? 0, (slots) =>
      this.#socket.send({ type: 'slots', slots }),
    );
    this.#socket.on('state', (state) => this.#signalChanged(state));
    this.#socket.on('welcome', (welcome) => this.#welcomed(welcome));
    this.#socket.on('message', (message) => this.#receive(message));
  }

  get state(): CallState {
    return this.#state;
  }

  /** Goes on in the background; `state.phase` tells how it went. */
  join(room: string): void {
    this.#dispatch({ type: 'joining', room });
    this.#cleanups.push(
      this.media.on('changed', (source) => this.#localChanged(source)),
      watchNetwork({
        changed: () => {
          this.#socket.nudge();
          if (this.#transport) this.#recovery.networkChanged();
        },
        awake: () => this.#socket.nudge(),
      }),
    );
    this.#socket.connect();
  }

  /** What is on the screen now, most important first; replaces what was before. */
  show(tiles: readonly TileWish[]): void {
    this.#layout.show(tiles);
    this.#applyLayout();
  }

  /** The picture of a participant, once the server sends it. */
  streamOf(participantId: string, source: TrackSource): MediaStream | undefined {
    if (participantId === this.#state.you?.id) {
      return this.#streams.of(source, this.media.track(source));
    }
    const slot = slotShowing(this.#state, participantId, source);
    return slot?.state === 'active' ? this.#slotStream(slot.mid) : undefined;
  }

  /** All that is to be heard; play every one of them. */
  audioStreams(): MediaStream[] {
    const mids = this.#transport?.slotMids('audio') ?? [];
    return mids.flatMap((mid) => this.#slotStream(mid) ?? []);
  }

  stats(): Promise<StatsSummary> | undefined {
    return this.#transport && summarize(this.#transport.connection);
  }

  leave(): void {
    this.#socket.send({ type: 'leave' });
    this.#dispatch({ type: 'left' });
  }

  /** For everybody; hosts and moderators may. */
  async end(): Promise<void> {
    // The end of the call is the answer; only a refusal echoes the number.
    const refused = this.#socket.request(
      (request) => ({ type: 'end_call', request }),
      'call_ended',
    );
    await refused.catch((error: CallError) => {
      if (!isOver(this.#state)) throw error;
    });
  }

  /** Hosts and moderators may; gives who was heard until then. All may unmute themselves. */
  async muteOthers(): Promise<string[]> {
    const answer = this.#socket.request(
      (request) => ({ type: 'mute_others', request }),
      'others_muted',
    );
    return (await answer).participantIds;
  }

  /** For tests and demonstrations: what an unreliable network does. */
  dropSignaling(): void {
    this.#socket.drop();
  }

  #signalChanged(state: SignalState): void {
    // Repairs may go on once the server has said what it still holds.
    if (state.name !== 'open') this.#recovery.signalingChanged(false);
    this.#dispatch({ type: 'signal', state });
    if (state.name === 'closed' && state.error) this.#fail(state.error);
  }

  #welcomed(welcome: Message<'welcome'>): void {
    this.#iceServers = welcome.iceServers;
    const wasInCall = this.#state.call !== undefined;
    this.#dispatch({ type: 'message', message: welcome });
    clearTimeout(this.#joinTimer);
    if (welcome.resumed && wasInCall) {
      // What was wanted meanwhile may be lost: rather too much than a missing picture.
      this.#transport?.wantAllLayers();
      this.#joinTimer = setTimeout(() => void this.#enter(), SNAPSHOT_TIMEOUT_MS);
    } else {
      void this.#enter();
    }
  }

  async #enter(): Promise<void> {
    const { room } = this.#state;
    try {
      this.#joined(
        await this.#socket.request((request) => ({ type: 'join', request, room }), 'joined'),
      );
    } catch (thrown) {
      const error = CallError.from(thrown);
      // Lost: the next welcome tries again. Already in: the snapshot is under way.
      if (error.reason === 'disconnected' || error.reason === 'already_in_call') return;
      if (!RETRYABLE.has(error.reason)) return this.#fail(error);
      const delay =
        error.retryAfterSecs === undefined ? RETRY_JOIN_MS : error.retryAfterSecs * 1_000;
      if (!this.#mayJoinAfter(delay)) return this.#fail(error);
      this.#joinTimer = setTimeout(() => void this.#enter(), delay);
    }
  }

  /** Always into a call that was going on; into one never seen, not for long. */
  #mayJoinAfter(delayMs: number): boolean {
    const now = performance.now();
    this.#joinDeadline ??= now + GIVE_UP_JOINING_MS;
    return this.#state.call !== undefined || now + delayMs <= this.#joinDeadline;
  }

  #joined(joined: Message<'joined'>): void {
    if (isOver(this.#state)) return;
    clearTimeout(this.#joinTimer);
    this.#logger.info('The call is joined', { room: joined.call.room, media: joined.media });
    this.#dispatch({ type: 'message', message: joined });
    if (joined.media === 'new' || !this.#transport) {
      this.#recovery.stop();
      this.#recovery.signalingChanged(true);
      this.#buildTransport();
      return;
    }
    this.#transport.signalingResumed();
    this.#tellAll(this.#transport);
    // Before what is due is done, so that it is done once.
    if (this.#state.path !== 'connected') this.#recovery.networkChanged();
    this.#recovery.signalingChanged(true);
  }

  #receive(message: ServerMessage): void {
    switch (message.type) {
      case 'joined':
        this.#joined(message);
        break;
      case 'transport':
        if (message.state === 'failed') this.#recovery.serverLostPath();
        break;
      case 'layers':
        this.#transport?.wantLayers(message.source, message.wanted);
        break;
      case 'muted':
        this.#muted(message);
        break;
      case 'ring':
        this.emit('ring', message);
        break;
      case 'ring_ended':
        this.emit('ringEnded', message);
        break;
      case 'error':
        this.#logger.warn('The server refused a message', {
          reason: message.code,
          message: message.message,
        });
        this.emit('error', CallError.fromServer(message));
        if (message.code === 'rate_limited') this.#tellAgainAfter(message.retryAfterSecs ?? 1);
        break;
      default:
        this.#dispatch({ type: 'message', message });
        if (message.type.startsWith('participant_')) this.#applyLayout();
    }
  }

  /** Told again after a lost connection, when the first may have been heard. */
  #muted(message: Message<'muted'>): void {
    const live = this.media.state('microphone') === 'live';
    void this.media.setMicrophone(false);
    if (live) this.emit('muted', message);
  }

  /** The server dropped something of ours and does not say what. */
  #tellAgainAfter(seconds: number): void {
    clearTimeout(this.#tellTimer);
    this.#tellTimer = setTimeout(() => {
      if (this.#transport) this.#tellAll(this.#transport);
    }, seconds * 1_000);
  }

  #tellAll(transport: Transport): void {
    this.#sources.forget();
    this.#layout.forget();
    this.#sources.announceAll(transport);
    this.#applyLayout();
  }

  #buildTransport(): void {
    this.#transport?.close();
    this.#layout.forget();
    const { codec = 'vp8', simulcast = true } = this.options;
    const transport = new Transport({
      ...this.options,
      iceServers: this.#iceServers,
      publish: { codec, simulcast },
      negotiate: (sdp, publish) =>
        this.#socket.request((request) => ({ type: 'offer', request, sdp, publish }), 'answer'),
      candidate: (candidate, mid) =>
        this.#socket.send({ type: 'candidate', candidate, ...(mid === undefined ? {} : { mid }) }),
      heardAndSeen: () => heardAndSeen(this.#state),
    });
    this.#transport = transport;
    this.#dispatch({ type: 'transport_replaced' });
    transport.on('path', (state) => {
      this.#dispatch({ type: 'path', state });
      this.#recovery.pathChanged(state);
    });
    transport.on('negotiated', () => this.#negotiated(transport));
    transport.on('refused', (error) => this.#offerRefused(error));
    this.#sources.attach(transport);
    this.#applyLayout();
    transport.offer();
  }

  #negotiated(transport: Transport): void {
    this.#sources.announceAll(transport);
    this.#applyLayout();
    this.emit('audio', undefined);
    this.emit('state', this.#state);
  }

  #offerRefused(error: CallError): void {
    const now = performance.now();
    const again = now - this.#refusedAt < REFUSAL_WINDOW_MS;
    this.#refusedAt = now;
    if (again) this.#fail(error);
    else this.#buildTransport();
  }

  #localChanged(source: TrackSource): void {
    if (this.#transport) this.#sources.changed(this.#transport, source);
    this.emit('local', source);
  }

  #applyLayout(): void {
    if (this.#transport && this.#state.phase.name === 'joined') {
      this.#layout.apply(this.#transport, this.#state);
    }
  }

  #slotStream(mid: string): MediaStream | undefined {
    return this.#streams.of(`slot ${mid}`, this.#transport?.slotTrack(mid));
  }

  #fail(error: CallError): void {
    this.#logger.warn('The call failed', { reason: error.reason });
    this.#dispatch({ type: 'failed', error });
  }

  #dispatch(action: Action): void {
    const before = this.#state;
    this.#state = reduce(before, action);
    if (this.#state === before) return;
    this.#announceChanges(before);
    this.emit('state', this.#state);
    if (isOver(this.#state) && !isOver(before)) this.#over();
  }

  #announceChanges(before: CallState): void {
    if (!before.call || isOver(this.#state)) return;
    const now = new Set(this.#state.participants.map(({ id }) => id));
    const then = new Set(before.participants.map(({ id }) => id));
    for (const joined of this.#state.participants) {
      if (!then.has(joined.id)) this.emit('participantJoined', joined);
    }
    for (const left of before.participants) {
      if (!now.has(left.id)) this.emit('participantLeft', left);
    }
  }

  #over(): void {
    clearTimeout(this.#joinTimer);
    clearTimeout(this.#tellTimer);
    for (const cleanup of this.#cleanups.splice(0)) cleanup();
    this.#recovery.stop();
    this.#transport?.close();
    this.#socket.close();
    this.media.closeAll();
  }
}
