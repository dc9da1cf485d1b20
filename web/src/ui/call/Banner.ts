/** The one line over the tiles that says what is wrong with the connection. */

import type { CallState } from '../../call/state';
import { h, setAttribute, setHidden, setText, type View } from '../dom';

interface Trouble {
  reason: string;
  text: string;
}

/** Pure: the worst of what is wrong, if anything is. */
export function troubleOf({ phase, path }: CallState, online: boolean): Trouble | undefined {
  if (phase.name === 'idle' || phase.name === 'joining') {
    return { reason: 'joining', text: 'Joining…' };
  }
  const interrupted = path === 'disconnected' || path === 'failed';
  // A browser also calls itself offline on a network without a way out, where a call
  // to a server on it goes well: the word explains a loss, it does not make one.
  if (!online && (phase.name === 'reconnecting' || interrupted)) {
    return { reason: 'offline', text: 'You are offline. The call comes back with your network.' };
  }
  if (phase.name === 'reconnecting') {
    return { reason: 'reconnecting', text: 'Connection lost. Reconnecting…' };
  }
  if (interrupted) {
    return {
      reason: 'media_reconnecting',
      text: 'Audio and video were interrupted. Reconnecting…',
    };
  }
  if (path !== 'connected')
    return { reason: 'media_connecting', text: 'Connecting audio and video…' };
  return undefined;
}

/** Most troubles are over before anybody would have read about them. */
const PATIENCE_MS = 600;

export class Banner implements View {
  #text = h('span');
  readonly element = h(
    'div',
    { class: 'banner', 'data-testid': 'message', role: 'alert', hidden: true },
    h('span', { class: 'spinner', 'aria-hidden': true }),
    this.#text,
  );
  #timer: ReturnType<typeof setTimeout> | undefined;
  #trouble: Trouble | undefined;

  render(state: CallState): void {
    const trouble = troubleOf(state, navigator.onLine);
    if (trouble?.reason === this.#trouble?.reason) return;
    this.#trouble = trouble;
    clearTimeout(this.#timer);
    if (trouble && this.element.hidden) this.#timer = setTimeout(() => this.#show(), PATIENCE_MS);
    else this.#show();
  }

  destroy(): void {
    clearTimeout(this.#timer);
    this.element.remove();
  }

  #show(): void {
    setHidden(this.element, !this.#trouble);
    setText(this.#text, this.#trouble?.text ?? '');
    setAttribute(this.element, 'data-reason', this.#trouble?.reason ?? '');
  }
}
