/** The first page: a new room, or one that somebody told you about. */

import { mark } from '../brand';
import { h, setHidden, type View } from '../dom';
import { icon } from '../icons';
import { type Invitation, newRoomName, parseInvitation } from '../rooms';

export function startView(open: (invitation: Invitation) => void): View {
  const problem = h('p', {
    class: 'notice',
    role: 'alert',
    'data-testid': 'message',
    hidden: true,
  });
  const input = h('input', {
    type: 'text',
    name: 'room',
    'data-testid': 'join-room-name',
    placeholder: 'Room name or link',
    'aria-label': 'Room name or link',
    autocomplete: 'off',
    autocapitalize: 'none',
    spellcheck: 'false',
    oninput: () => setHidden(problem, true),
  });
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    const invitation = parseInvitation(input.value);
    if (invitation) return open(invitation);
    problem.textContent = 'Type the name of a room, or paste the link that you were sent.';
    problem.dataset['reason'] = 'invalid_room';
    setHidden(problem, false);
    input.focus();
  };
  const entrance = h(
    'section',
    {},
    h('div', { class: 'brand' }, mark(), 'Convoke'),
    h('h1', {}, 'Talk face to face.'),
    h('p', { class: 'lede' }, 'Start a room and send its link, or join one. Nothing to install.'),
    h(
      'button',
      {
        type: 'button',
        class: 'primary large',
        'data-testid': 'start-room',
        onclick: () => open({ room: newRoomName() }),
      },
      icon('plus'),
      'New room',
    ),
    h('div', { class: 'or', 'aria-hidden': true }, h('span', {}, 'or')),
    h(
      'form',
      { class: 'join-form', onsubmit: submit },
      input,
      h('button', { type: 'submit', class: 'secondary', 'data-testid': 'join-room' }, 'Join'),
    ),
    problem,
  );
  const element = h('main', { class: 'start' }, entrance, picture());
  return { element, destroy: () => element.remove() };
}

/** A call, drawn in CSS: what is to be had behind the button. */
function picture(): HTMLElement {
  const tiles = [172, 28, 262, 338].map((hue) => {
    const tile = h('i');
    tile.style.setProperty('--hue', String(hue));
    return tile;
  });
  return h('div', { class: 'picture', 'aria-hidden': true }, ...tiles);
}
