/** Who is in the call, as a list. */

import {
  type CallState,
  everybody,
  isSpeaking,
  mayEnd,
  mayMuteOthers,
  takesPart,
  trackOf,
} from '../../call/state';
import type { ParticipantInfo } from '../../protocol/messages';
import { Avatar } from '../avatar';
import { h, setHidden, type View } from '../dom';
import { icon } from '../icons';

const ROLES = { host: 'Host', moderator: 'Moderator', participant: '', viewer: 'Watching' } as const;

export class People implements View {
  #title = h('h2');
  #list = h('ul');
  readonly element: HTMLElement;

  #muteOthers: HTMLButtonElement;
  #end: HTMLButtonElement;
  #shown = '';

  constructor(act: (name: 'invite' | 'people' | 'muteOthers' | 'end') => void) {
    this.#muteOthers = h(
      'button',
      {
        type: 'button',
        class: 'secondary',
        'data-testid': 'mute-others-button',
        hidden: true,
        onclick: () => act('muteOthers'),
      },
      icon('micOff'),
      'Mute everyone',
    );
    this.#end = h(
      'button',
      { type: 'button', class: 'end-all', onclick: () => act('end') },
      'End the call for all',
    );
    this.element = h(
      'aside',
      { class: 'people', 'data-testid': 'people', 'aria-label': 'People', hidden: true },
      h(
        'header',
        {},
        this.#title,
        h(
          'button',
          {
            type: 'button',
            class: 'icon-button',
            'aria-label': 'Close',
            onclick: () => act('people'),
          },
          icon('close'),
        ),
      ),
      this.#list,
      this.#muteOthers,
      h(
        'button',
        { type: 'button', class: 'secondary', onclick: () => act('invite') },
        icon('link'),
        'Copy invite link',
      ),
      this.#end,
    );
  }

  render(state: CallState): void {
    if (this.element.hidden) return;
    const all = everybody(state);
    setHidden(this.#end, !mayEnd(state));
    setHidden(this.#muteOthers, !mayMuteOthers(state) || !state.participants.some(takesPart));
    // Who reads the list, or has it read out, should not lose the place.
    const shown = JSON.stringify([all, state.speakers.map(({ participantId }) => participantId)]);
    if (shown === this.#shown) return;
    this.#shown = shown;
    this.#title.textContent = `In the call (${all.length})`;
    this.#list.replaceChildren(...all.map((person) => this.#row(state, person)));
  }

  destroy(): void {
    this.element.remove();
  }

  #row(state: CallState, person: ParticipantInfo): HTMLElement {
    const microphone = trackOf(person, 'microphone');
    const notes = [
      person.id === state.you?.id && 'You',
      ROLES[person.role],
      person.connection === 'reconnecting' && 'Reconnecting',
      trackOf(person, 'screen') && 'Sharing the screen',
    ].filter(Boolean);
    const avatar = new Avatar();
    avatar.show(person);
    return h(
      'li',
      { 'data-speaking': String(isSpeaking(state, person.id)) },
      avatar.element,
      h(
        'span',
        { class: 'who' },
        person.name,
        notes.length > 0 && h('small', {}, notes.join(' · ')),
      ),
      icon(microphone && !microphone.muted ? 'mic' : 'micOff'),
    );
  }
}
