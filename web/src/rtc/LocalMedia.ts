/**
 * What this browser captures. It lives longer than a call: the page opens the
 * devices before joining, and the call takes over what is open.
 */

import { Emitter } from '../emitter';
import { CallError } from '../errors';
import type { PublishState, TrackSource } from '../protocol/messages';
import * as devices from './devices';

export interface LocalMediaEvents {
  /** The track or the state of a source is another one. */
  changed: TrackSource;
}

type Capture = Extract<TrackSource, 'microphone' | 'camera'>;

/** Where tracks come from; tests bring their own. */
export interface Capturing {
  openMicrophone(deviceId?: string): Promise<MediaStreamTrack>;
  openCamera(deviceId?: string): Promise<MediaStreamTrack>;
  openBoth(): Promise<MediaStreamTrack[]>;
  openScreen(): Promise<MediaStreamTrack[]>;
}

const CAPTURES: readonly Capture[] = ['microphone', 'camera'];

const captureOf = ({ kind }: MediaStreamTrack): Capture =>
  kind === 'audio' ? 'microphone' : 'camera';

export class LocalMedia extends Emitter<LocalMediaEvents> {
  #tracks = new Map<TrackSource, MediaStreamTrack>();
  #errors = new Map<TrackSource, CallError>();
  #deviceIds = new Map<Capture, string>();
  /** The last wish: a microphone that is still opening comes as it says. */
  #microphoneOn = true;
  /** Opened by itself, in place of a microphone that was unplugged. */
  #replacement: MediaStreamTrack | undefined;
  /** One thing at a time, or two quick clicks open a camera twice. */
  #queue: Promise<unknown> = Promise.resolve();
  /** What was asked for before the end may still be opening after it. */
  #ending = new AbortController();

  constructor(private readonly capturing: Capturing = devices) {
    super();
  }

  track(source: TrackSource): MediaStreamTrack | undefined {
    return this.#tracks.get(source);
  }

  /** Why a source could not be opened, until it could. */
  error(source: TrackSource): CallError | undefined {
    return this.#errors.get(source);
  }

  state(source: TrackSource): PublishState {
    const track = this.#tracks.get(source);
    if (!track) return 'off';
    return track.enabled ? 'live' : 'muted';
  }

  /** The device in use, or the one that will be. */
  deviceId(source: Capture): string | undefined {
    return this.#tracks.get(source)?.getSettings().deviceId ?? this.#deviceIds.get(source);
  }

  /** Both, as far as they can be had: what cannot has its `error`. */
  openDevices(): Promise<void> {
    return this.#inTurn(async (ended) => {
      const missing = CAPTURES.filter((source) => !this.#tracks.has(source));
      if (missing.length === CAPTURES.length && this.#deviceIds.size === 0) {
        const tracks = await this.capturing.openBoth().catch(() => []);
        for (const track of tracks) this.#opened(captureOf(track), track, ended);
      }
      // No camera is no reason to have no microphone.
      for (const source of CAPTURES.filter((source) => !this.#tracks.has(source))) {
        await this.#open(source, ended).catch(() => undefined);
      }
    });
  }

  /**
   * Muting keeps the device open: unmuting has to work at once. Neither waits for
   * what is being opened meanwhile, which may take as long as a prompt is open.
   */
  async setMicrophone(on: boolean): Promise<void> {
    this.#microphoneOn = on;
    const track = this.#tracks.get('microphone');
    if (track) this.#enable(track);
    else if (on) await this.#inTurn((ended) => this.#openMicrophone(ended));
  }

  /** Off closes the device, so that its light goes out. */
  setCamera(on: boolean): Promise<void> {
    return this.#inTurn(async (ended) => {
      if (!on) this.#close('camera');
      else if (!this.#tracks.has('camera')) await this.#open('camera', ended);
    });
  }

  setScreen(on: boolean): Promise<void> {
    return this.#inTurn(async (ended) => {
      if (!on) {
        this.#close('screen');
        this.#close('screen_audio');
      } else if (!this.#tracks.has('screen')) {
        for (const track of await this.capturing.openScreen()) {
          this.#adopt(track.kind === 'video' ? 'screen' : 'screen_audio', track, ended);
        }
      }
    });
  }

  /**
   * Switches at once when the source is in use, and is remembered otherwise. What
   * cannot be had has its `error`, and the device from before is in use again.
   */
  selectDevice(source: Capture, deviceId: string): Promise<void> {
    return this.#inTurn(async (ended) => {
      const before = this.#tracks.get(source);
      const previous = this.deviceId(source);
      this.#deviceIds.set(source, deviceId);
      if (!before) return;
      // Phones open one camera at a time. Its track is muted and unmuted until the next is there.
      before.stop();
      try {
        this.#opened(source, await this.#capture(source, deviceId), ended);
      } catch (error) {
        if (ended.aborted) return;
        if (previous === undefined) this.#deviceIds.delete(source);
        else this.#deviceIds.set(source, previous);
        const again = await this.#openPreferred(source, ended).catch(() => undefined);
        if (again) this.#opened(source, again, ended);
        else this.#tracks.delete(source);
        if (!ended.aborted) this.#failed(source, error);
      }
    });
  }

  closeAll(): void {
    this.#ending.abort();
    this.#ending = new AbortController();
    // Nothing that comes later has to wait for a prompt that nobody answers.
    this.#queue = Promise.resolve();
    this.#microphoneOn = true;
    for (const source of [...this.#tracks.keys()]) this.#close(source);
  }

  #enable(track: MediaStreamTrack): void {
    if (track.enabled === this.#microphoneOn) return;
    track.enabled = this.#microphoneOn;
    this.emit('changed', 'microphone');
  }

  /** Unless it is open by now, or no longer wanted. */
  async #openMicrophone(ended: AbortSignal): Promise<void> {
    if (this.#microphoneOn && !this.#tracks.has('microphone')) {
      await this.#open('microphone', ended);
    }
  }

  async #open(source: Capture, ended: AbortSignal): Promise<void> {
    if (ended.aborted) return;
    try {
      this.#opened(source, await this.#openPreferred(source, ended), ended);
    } catch (error) {
      if (!ended.aborted) this.#failed(source, error);
    }
  }

  #failed(source: Capture, error: unknown): never {
    this.#errors.set(source, CallError.from(error));
    this.emit('changed', source);
    throw error;
  }

  #capture(source: Capture, id?: string): Promise<MediaStreamTrack> {
    return source === 'microphone'
      ? this.capturing.openMicrophone(id)
      : this.capturing.openCamera(id);
  }

  /** The device chosen last may be unplugged: then any other. */
  async #openPreferred(source: Capture, ended: AbortSignal): Promise<MediaStreamTrack> {
    const preferred = this.#deviceIds.get(source);
    if (preferred === undefined) return this.#capture(source);
    try {
      return await this.#capture(source, preferred);
    } catch (error) {
      if (ended.aborted || CallError.from(error).reason !== 'no_device') throw error;
      this.#deviceIds.delete(source);
      return this.#capture(source);
    }
  }

  #opened(source: Capture, track: MediaStreamTrack, ended: AbortSignal): void {
    this.#errors.delete(source);
    if (source === 'microphone') track.enabled = this.#microphoneOn;
    this.#adopt(source, track, ended);
  }

  /** A track that nobody holds would keep its device on. */
  #adopt(source: TrackSource, track: MediaStreamTrack, ended: AbortSignal): void {
    if (ended.aborted) return track.stop();
    this.#tracks.set(source, track);
    track.addEventListener('ended', () => this.#ended(source, track));
    this.emit('changed', source);
  }

  /** Unplugged, or stopped with the browser's own "stop sharing". */
  #ended(source: TrackSource, track: MediaStreamTrack): void {
    if (this.#tracks.get(source) !== track) return;
    if (source === 'screen') return void this.setScreen(false);
    const replace = source === 'microphone' && track !== this.#replacement;
    if (!replace && source !== 'screen_audio') {
      this.#errors.set(source, new CallError('no_device'));
    }
    this.#close(source);
    if (replace) void this.#replaceMicrophone().catch(() => undefined);
  }

  /** Who talks on without being heard does not notice. Once, or two broken ones take turns. */
  #replaceMicrophone(): Promise<void> {
    return this.#inTurn(async (ended) => {
      if (this.#tracks.has('microphone')) return;
      this.#deviceIds.delete('microphone');
      await this.#open('microphone', ended);
      this.#replacement = this.#tracks.get('microphone');
    });
  }

  #close(source: TrackSource): void {
    const track = this.#tracks.get(source);
    if (!track) return;
    this.#tracks.delete(source);
    track.stop();
    this.emit('changed', source);
  }

  #inTurn(work: (ended: AbortSignal) => Promise<void>): Promise<void> {
    const { signal } = this.#ending;
    const done = this.#queue.then(() => (signal.aborted ? undefined : work(signal)));
    this.#queue = done.catch(() => undefined);
    return done;
  }
}
