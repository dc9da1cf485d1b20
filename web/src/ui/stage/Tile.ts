/** One tile: a picture or an avatar, a name, and what there is to know. */

import { Avatar } from '../avatar';
import { h, setAttribute, setHidden, setText } from '../dom';
import { icon, setIcon } from '../icons';
import { hueOf } from '../identity';
import type { Rect } from './geometry';
import type { TileModel } from './model';
import type { Placed } from './plan';

export class Tile {
  readonly element: HTMLElement;
  #video = h('video', { autoplay: true, playsinline: true });
  #avatar = new Avatar();
  #name = h('span', { class: 'tile-name' });
  #muted = icon('micOff');
  #mutedBadge: HTMLElement;
  #hint = h('div', { class: 'tile-hint' }, 'Picture paused');
  #status = h('div', { class: 'tile-status' });
  #pin: HTMLButtonElement;
  #pinIcon = icon('pin');
  #stream: MediaStream | undefined;

  constructor(model: TileModel, onPin: (key: string) => void) {
    this.#video.muted = true;
    this.#video.disablePictureInPicture = model.isYou;
    // Until the first frame a <video> is a black hole; the avatar is kinder.
    this.#video.addEventListener('loadeddata', () => this.#showPicture(true));
    this.#mutedBadge = h('span', { class: 'tile-muted', role: 'img' }, this.#muted);
    this.#mutedBadge.setAttribute('aria-label', 'Microphone is off');
    this.#pin = h('button', { class: 'tile-pin', type: 'button', onclick: () => onPin(model.key) });
    this.#pin.append(this.#pinIcon);
    this.element = h(
      'article',
      {
        class: 'tile',
        'data-testid': 'tile',
        'data-participant-id': model.participantId,
        'data-source': model.source,
      },
      h('div', { class: 'tile-backdrop' }, this.#avatar.element),
      this.#video,
      h('div', { class: 'tile-label' }, this.#mutedBadge, this.#name),
      this.#hint,
      this.#status,
      this.#pin,
    );
    this.element.style.setProperty('--hue', String(hueOf(model.userId)));
    if (model.isYou) this.#pin.remove();
  }

  update(model: TileModel, stream: MediaStream | undefined): void {
    const { element } = this;
    const title = titleOf(model);
    setText(this.#name, title);
    setAttribute(element, 'aria-label', title);
    this.#avatar.show(model);
    setAttribute(element, 'data-you', model.isYou);
    setAttribute(element, 'data-speaking', model.speaking);
    setAttribute(element, 'data-muted', model.muted);
    setHidden(this.#mutedBadge, !model.muted || model.source === 'screen');
    this.#setStream(model.video ? stream : undefined);
    const status = statusOf(model);
    setText(this.#status, status);
    setHidden(this.#status, status === '');
    setAttribute(element, 'data-withheld', model.withheld);
    // Over a screen there is no avatar to leave in view.
    setHidden(this.#hint, !model.withheld || status !== '');
  }

  place({ rect, role }: Placed, pinned: boolean): void {
    const { style } = this.element;
    setAttribute(this.element, 'data-role', role);
    setAttribute(this.#pin, 'aria-pressed', pinned);
    setAttribute(this.#pin, 'aria-label', pinned ? 'Back to the grid' : 'Show large');
    setIcon(this.#pinIcon, pinned ? 'close' : 'pin');
    setRect(style, rect);
    setAttribute(this.element, 'data-size', sizeOf(rect));
  }

  destroy(): void {
    this.#setStream(undefined);
    this.element.remove();
  }

  #setStream(stream: MediaStream | undefined): void {
    if (this.#stream === stream) return;
    this.#stream = stream;
    this.#showPicture(false);
    this.#video.srcObject = stream ?? null;
    // Muted pictures may always play; a refusal means that the element is gone.
    if (stream) this.#video.play().catch(() => undefined);
  }

  #showPicture(shown: boolean): void {
    setAttribute(this.element, 'data-video', shown);
  }
}

function titleOf({ name, isYou, source }: TileModel): string {
  if (source === 'screen') return `${name}’s screen`;
  return isYou ? 'You' : name;
}

function statusOf({ reconnecting, undecodable, withheld, source }: TileModel): string {
  if (reconnecting) return 'Reconnecting…';
  if (withheld && source === 'screen') return 'Screen paused: the server is busy';
  return undecodable ? 'This browser cannot show this video' : '';
}

function sizeOf({ width, height }: Rect): string {
  const side = Math.min(width, height * 1.4);
  if (side < 220) return 'small';
  return side < 420 ? 'medium' : 'large';
}

function setRect(style: CSSStyleDeclaration, { x, y, width, height }: Rect): void {
  style.translate = `${Math.round(x)}px ${Math.round(y)}px`;
  style.width = `${Math.round(width)}px`;
  style.height = `${Math.round(height)}px`;
}
