/** Short news that go away by themselves. */

import { h, type View } from '../dom';

const SHOWN_MS = 4_000;
const MOST_AT_ONCE = 3;

export class Toasts implements View {
  /** `status` is announced without interrupting who listens to the call. */
  readonly element = h('div', { class: 'toasts', role: 'status', 'aria-live': 'polite' });
  #timers = new Set<ReturnType<typeof setTimeout>>();

  show(text: string): void {
    const toast = h('div', { class: 'toast', 'data-testid': 'toast' }, text);
    this.element.append(toast);
    while (this.element.children.length > MOST_AT_ONCE) this.element.firstElementChild?.remove();
    const timer = setTimeout(() => {
      toast.remove();
      this.#timers.delete(timer);
    }, SHOWN_MS);
    this.#timers.add(timer);
  }

  destroy(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.element.remove();
  }
}
