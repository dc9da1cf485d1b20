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
import { h, setAttribute, setHidden, setText, type View } from '../dom';
import { icon } from '../icons';

const ROLES = { host: 'Host', moderator: 'Moderator', participant: '', viewer: 'Watching' } as const;

export class People implements View {
  #title = h('h2');
  #list = h('ul');
  readonly element: HTMLElement;

  #muteOthers: HTMLButtonElement;
  #end: HTMLButtonElement;
  #rows = new Map<string, Row>();

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

  /** Who closes it from inside goes on where it was opened. */
  setOpen(open: boolean, opener: HTMLElement): void {
    const inside = this.element.contains(document.activeElement);
    setHidden(this.element, !open);
    if (!open && inside) opener.focus();
  }

  render(state: CallState): void {
    if (this.element.hidden) return;
    const all = everybody(state);
    setHidden(this.#end, !mayEnd(state));
    setHidden(this.#muteOthers, !mayMuteOthers(state) || !state.participants.some(takesPart));
    setText(this.#title, `In the call (${all.length})`);
    this.#keepRows(new Set(all.map(({ id }) => id)));
    all.forEach((person, at) => {
      const row = this.#rowOf(person.id);
      row.show(person, person.id === state.you?.id, isSpeaking(state, person.id));
      const there = this.#list.children[at] ?? null;
      if (there !== row.element) this.#list.insertBefore(row.element, there);
    });
  }

  destroy(): void {
    this.element.remove();
  }

  #keepRows(ids: ReadonlySet<string>): void {
    for (const [id, { element }] of this.#rows) {
      if (ids.has(id)) continue;
      element.remove();
      this.#rows.delete(id);
    }
  }

  #rowOf(id: string): Row {
    const row = this.#rows.get(id) ?? new Row();
    this.#rows.set(id, row);
    return row;
  }
}

/** Stays the same element: who reads the list, or has it read out, should not lose the place. */
class Row {
  readonly element = h('li');
  #shown = '';

  show(person: ParticipantInfo, isYou: boolean, speaking: boolean): void {
    setAttribute(this.element, 'data-speaking', speaking);
    const shown = JSON.stringify([person, isYou]);
    if (shown === this.#shown) return;
    this.#shown = shown;
    const microphone = trackOf(person, 'microphone');
    const notes = [
      isYou && 'You',
      ROLES[person.role],
      person.connection === 'reconnecting' && 'Reconnecting',
      trackOf(person, 'screen') && 'Sharing the screen',
    ].filter(Boolean);
    const avatar = new Avatar();
    avatar.show(person);
    this.element.replaceChildren(
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
