/** Where nobody else is: that somebody may be invited. */

import { type CallState, takesPart } from '../../call/state';
import { h, setHidden, setText } from '../dom';
import { icon } from '../icons';

export class AloneNote {
  #text = h('p');
  readonly element: HTMLElement;
  /** Whoever was there has left since. */
  #wasAccompanied = false;

  constructor(act: (name: 'invite') => void) {
    this.element = h(
      'div',
      { class: 'alone', hidden: true },
      this.#text,
      h(
        'button',
        { type: 'button', class: 'primary', onclick: () => act('invite') },
        icon('link'),
        'Copy invite link',
      ),
    );
  }

  render({ participants, phase }: CallState): void {
    const accompanied = participants.some(takesPart);
    this.#wasAccompanied ||= accompanied;
    const first = this.#wasAccompanied ? 'only' : 'first';
    setText(this.#text, `You are the ${first} one here.`);
    setHidden(this.element, accompanied || phase.name !== 'joined');
  }
}
