/** A face where there is no video: the user's picture, or initials on a colour. */

import { h, setText } from './dom';
import { hueOf, initials } from './identity';

export interface Person {
  userId: string;
  name: string;
  avatarUrl?: string | undefined;
}

export class Avatar {
  readonly element = h('span', { class: 'avatar', 'aria-hidden': true });
  #letters = h('span');
  #url: string | undefined;

  constructor() {
    this.element.append(this.#letters);
  }

  show({ userId, name, avatarUrl }: Person): void {
    this.element.style.setProperty('--hue', String(hueOf(userId)));
    setText(this.#letters, initials(name));
    if (avatarUrl === this.#url) return;
    this.#url = avatarUrl;
    this.element.querySelector('img')?.remove();
    // Whose picture cannot be loaded keeps the initials under it.
    if (avatarUrl) this.element.append(picture(avatarUrl));
  }
}

function picture(src: string): HTMLImageElement {
  const image = h('img', { src, alt: '', referrerpolicy: 'no-referrer', loading: 'lazy' });
  image.addEventListener('error', () => image.remove());
  return image;
}
