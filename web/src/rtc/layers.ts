/**
 * Of a simulcast picture, sends only the layers that somebody is shown. The server
 * says which (docs/protocol.md); all of them until it has.
 */

import type { Logger } from '../logger';

const RETRY_MS = 1000;
/** A sender that refuses so often is broken, or closed. */
const MAX_ATTEMPTS = 5;

/** Rids; undefined stands for all of them. */
type WantedLayers = readonly string[] | undefined;

/** Makes `active` what is wanted; false when it was so already. */
export function activate(encodings: RTCRtpEncodingParameters[], wanted: WantedLayers): boolean {
  let changed = false;
  for (const encoding of encodings) {
    // Without a rid it is no layer, and all that there is of its source.
    if (!encoding.rid) continue;
    const active = wanted?.includes(encoding.rid) ?? true;
    if ((encoding.active ?? true) === active) continue;
    encoding.active = active;
    changed = true;
  }
  return changed;
}

/** The layers of one sender. */
export class Layers {
  #wanted: WantedLayers;
  #due = false;
  #setting = false;
  #attempts = 0;

  constructor(
    private readonly sender: Pick<RTCRtpSender, 'getParameters' | 'setParameters'>,
    private readonly logger: Logger,
  ) {}

  want(wanted: WantedLayers): void {
    this.#wanted = wanted;
    this.#attempts = 0;
    this.apply();
  }

  /** Due after each answer as well: Chromium activates all that it does not pause (w3c/webrtc-pc#2848). */
  apply(): void {
    this.#due = true;
    if (!this.#setting) void this.#setUntilDone();
  }

  /** One after the other, since browsers refuse a second at the same time. */
  async #setUntilDone(): Promise<void> {
    this.#setting = true;
    while (this.#due) {
      this.#due = false;
      await this.#set();
    }
    this.#setting = false;
  }

  async #set(): Promise<void> {
    try {
      // Both in one turn: parameters that were read earlier are refused.
      const parameters = this.sender.getParameters();
      if (activate(parameters.encodings, this.#wanted)) await this.sender.setParameters(parameters);
      this.#attempts = 0;
    } catch (error) {
      this.logger.warn('The layers to send could not be set', { error: String(error) });
      this.#attempts += 1;
      // The server says it once: a layer that stayed off would be missed for ever.
      if (this.#attempts < MAX_ATTEMPTS) setTimeout(() => this.apply(), RETRY_MS);
    }
  }
}
