/**
 * Plays what there is to hear. One element for each audio Slot, for the whole
 * call: who speaks in it changes without anything here.
 */

import { h, setHidden, type View } from '../dom';
import { icon } from '../icons';

/** setSinkId is Audio Output Devices; Safari has it since 18. */
type Sinkable = HTMLAudioElement & { setSinkId?(id: string): Promise<void> };

export class Audio implements View {
  #elements = new Map<MediaStream, Sinkable>();
  #sink = '';
  /** Shown when the browser wants a gesture before it plays (autoplay policy). */
  readonly element = h(
    'button',
    { class: 'tap-to-hear', type: 'button', hidden: true, 'data-testid': 'unblock-audio' },
    icon('sound'),
    'Tap to hear the call',
  );

  constructor() {
    this.element.addEventListener('click', () => this.#playAll());
  }

  setStreams(streams: readonly MediaStream[]): void {
    const wanted = new Set(streams);
    for (const [stream, element] of this.#elements) {
      if (wanted.has(stream)) continue;
      element.srcObject = null;
      this.#elements.delete(stream);
    }
    for (const stream of streams) {
      if (!this.#elements.has(stream)) this.#add(stream);
    }
  }

  setSink(id: string): void {
    this.#sink = id;
    for (const element of this.#elements.values()) this.#applySink(element);
  }

  destroy(): void {
    this.setStreams([]);
    this.element.remove();
  }

  #add(stream: MediaStream): void {
    const element: Sinkable = document.createElement('audio');
    element.autoplay = true;
    element.srcObject = stream;
    this.#elements.set(stream, element);
    if (this.#sink) this.#applySink(element);
    this.#play(element);
  }

  #applySink(element: Sinkable): void {
    // A device that is gone again leaves the sound where it was.
    void element.setSinkId?.(this.#sink).catch(() => undefined);
  }

  #play(element: HTMLAudioElement): void {
    element.play().catch((error: DOMException) => {
      if (error.name === 'NotAllowedError') setHidden(this.element, false);
    });
  }

  #playAll(): void {
    setHidden(this.element, true);
    for (const element of this.#elements.values()) this.#play(element);
  }
}
