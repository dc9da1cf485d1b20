/**
 * The media path: one RTCPeerConnection, and always we who offer, so offers never
 * collide. It carries what we publish and the Slots in which the server puts what
 * we see and hear; who is in a Slot changes without it (DESIGN: Slots).
 */

import { Emitter } from '../emitter';
import { CallError } from '../errors';
import { type Logger, silentLogger } from '../logger';
import type { IceServer, Message, PublishLine, TrackSource } from '../protocol/messages';
import { prefer, slotCodecs, trimExtensions } from './codecs';
import { Layers } from './layers';
import { type HeardAndSeen, LipSync } from './lipsync';
import { addPublisher, hintContent, type PublishOptions } from './publish';
import { AUDIO_SLOTS } from './slots';

export interface TransportOptions {
  iceServers: IceServer[];
  publish: PublishOptions;
  logger?: Logger;
  /** Brings an offer to the server and its answer back. */
  negotiate(sdp: string, publish: PublishLine[]): Promise<Message<'answer'>>;
  candidate(candidate: string, mid: string | undefined): void;
  /** Which Slots belong together now. */
  heardAndSeen(): readonly HeardAndSeen[];
  createPeerConnection?: (configuration: RTCConfiguration) => RTCPeerConnection;
}

export interface TransportEvents {
  path: RTCPeerConnectionState;
  /** An answer was applied: Slots and publishing m-lines have their mids. */
  negotiated: undefined;
  /** The server does not take our offer; trying it again would not help. */
  refused: CallError;
}

const RETRY_MS = 2_000;
const RETRYABLE = new Set(['timeout', 'rate_limited', 'unavailable']);

export class Transport extends Emitter<TransportEvents> {
  readonly connection: RTCPeerConnection;
  #publishers = new Map<TrackSource, RTCRtpTransceiver>();
  #layers = new Map<TrackSource, Layers>();
  #slots: RTCRtpTransceiver[] = [];
  #offerWanted = false;
  #offering = false;
  #offerSent = false;
  #answered = false;
  #candidates: RTCIceCandidate[] = [];
  #retryTimer: ReturnType<typeof setTimeout> | undefined;
  #closed = false;
  #lipSync: LipSync;
  #logger: Logger;

  constructor(private readonly options: TransportOptions) {
    super();
    this.#logger = options.logger ?? silentLogger;
    const create = options.createPeerConnection ?? ((c) => new RTCPeerConnection(c));
    this.connection = create({
      iceServers: options.iceServers,
      bundlePolicy: 'max-bundle',
      rtcpMuxPolicy: 'require',
    });
    this.connection.onconnectionstatechange = () => this.#pathChanged();
    this.connection.onicecandidate = ({ candidate }) => candidate && this.#gathered(candidate);
    this.#lipSync = new LipSync(this.connection, options.heardAndSeen);
    this.#publish('microphone');
    this.#publish('camera');
    for (let slot = 0; slot < AUDIO_SLOTS; slot += 1) this.#addSlot('audio');
  }

  /** Null stops sending; the m-line stays, so that coming back costs no offer. */
  async setTrack(source: TrackSource, track: MediaStreamTrack | null): Promise<void> {
    if (this.#closed || (!track && !this.#publishers.has(source))) return;
    if (track) hintContent(track, source);
    const known = this.#publishers.has(source);
    const publisher = this.#publish(source);
    // Before the wait, so that a picture and its sound are in the same offer.
    if (!known) this.offer();
    if (publisher.sender.track !== track) await publisher.sender.replaceTrack(track);
  }

  /** True once the server knows an m-line for it. */
  publishes(source: TrackSource): boolean {
    return this.#publishers.get(source)?.currentDirection === 'sendonly';
  }

  /** Before the first answer the server can only speak of a path that was replaced. */
  wantLayers(source: TrackSource, rids: readonly string[]): void {
    if (this.#answered && !this.#closed) this.#layers.get(source)?.want(rids);
  }

  wantAllLayers(): void {
    for (const layers of this.#layers.values()) layers.want(undefined);
  }

  /** More pictures at once; takes one more offer. */
  growVideoSlots(count: number): void {
    const missing = count - this.#slotsOf('video').length;
    if (missing <= 0 || this.#closed) return;
    for (let slot = 0; slot < missing; slot += 1) this.#addSlot('video');
    this.offer();
  }

  /** Slots that the server has answered for. */
  slotMids(kind: 'audio' | 'video'): string[] {
    return this.#slotsOf(kind)
      .filter(({ currentDirection }) => currentDirection === 'recvonly')
      .flatMap(({ mid }) => mid ?? []);
  }

  slotTrack(mid: string): MediaStreamTrack | undefined {
    return this.#slots.find((slot) => slot.mid === mid)?.receiver.track;
  }

  restartIce(): void {
    this.#logger.info('The media path is restarted');
    this.connection.restartIce();
    this.offer();
  }

  /** Negotiates soon; any number of wishes make one offer. */
  offer(): void {
    this.#offerWanted = true;
    void this.#negotiate();
  }

  /** Signaling is back: an offer or its answer may have been lost with it. */
  signalingResumed(): void {
    if (this.#offerWanted) void this.#negotiate();
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#retryTimer);
    this.#lipSync.stop();
    this.connection.onconnectionstatechange = null;
    this.connection.onicecandidate = null;
    this.connection.close();
  }

  async #negotiate(): Promise<void> {
    if (this.#offering) return;
    this.#offering = true;
    clearTimeout(this.#retryTimer);
    try {
      // Deferred once, so that everything asked for in this turn is in one offer.
      await Promise.resolve();
      while (this.#offerWanted && !this.#closed) {
        this.#offerWanted = false;
        await this.#offerOnce();
      }
    } catch (error) {
      this.#offerFailed(CallError.from(error));
    } finally {
      this.#offering = false;
    }
  }

  async #offerOnce(): Promise<void> {
    this.#offerSent = false;
    await this.connection.setLocalDescription(await this.connection.createOffer());
    const sdp = this.connection.localDescription?.sdp ?? '';
    this.#logger.debug('An offer is made', { bytes: sdp.length, slots: this.#slots.length });
    const answered = this.options.negotiate(sdp, this.#publishLines());
    this.#offerSent = true;
    for (const candidate of this.#candidates.splice(0)) this.#sendCandidate(candidate);
    const answer = await answered;
    if (this.#closed) return;
    this.#answered = true;
    await this.connection.setRemoteDescription({ type: 'answer', sdp: answer.sdp });
    for (const layers of this.#layers.values()) layers.apply();
    this.emit('negotiated', undefined);
  }

  #offerFailed(error: CallError): void {
    if (this.#closed) return;
    this.#logger.warn('An offer was not answered', {
      reason: error.reason,
      message: error.message,
    });
    if (error.reason === 'disconnected') {
      this.#offerWanted = true;
    } else if (RETRYABLE.has(error.reason)) {
      this.#offerWanted = true;
      const delay = error.retryAfterSecs === undefined ? RETRY_MS : error.retryAfterSecs * 1_000;
      this.#retryTimer = setTimeout(() => void this.#negotiate(), delay);
    } else {
      this.emit('refused', error);
    }
  }

  #publish(source: TrackSource): RTCRtpTransceiver {
    const known = this.#publishers.get(source);
    if (known) return known;
    const added = addPublisher(this.connection, source, this.options.publish);
    this.#publishers.set(source, added);
    this.#layers.set(source, new Layers(added.sender, this.#logger));
    return added;
  }

  #publishLines(): PublishLine[] {
    return [...this.#publishers].flatMap(([source, { mid }]) => (mid ? { mid, source } : []));
  }

  #addSlot(kind: 'audio' | 'video'): void {
    const slot = this.connection.addTransceiver(kind, { direction: 'recvonly' });
    if (kind === 'video') {
      prefer(slot, slotCodecs(RTCRtpReceiver.getCapabilities('video')?.codecs ?? []));
    }
    trimExtensions(slot);
    this.#slots.push(slot);
  }

  #slotsOf(kind: 'audio' | 'video'): RTCRtpTransceiver[] {
    return this.#slots.filter(({ receiver }) => receiver.track.kind === kind);
  }

  #gathered(candidate: RTCIceCandidate): void {
    // The server cannot place a candidate of an offer that it has not seen.
    if (this.#offerSent) this.#sendCandidate(candidate);
    else this.#candidates.push(candidate);
  }

  #sendCandidate({ candidate, sdpMid }: RTCIceCandidate): void {
    this.options.candidate(candidate, sdpMid ?? undefined);
  }

  #pathChanged(): void {
    this.#logger.info('The media path changed', { state: this.connection.connectionState });
    this.emit('path', this.connection.connectionState);
  }
}
