/** A page that says what happened and what can be done. */

import { mark } from '../brand';
import { h, type View } from '../dom';
import type { Message } from '../words';

export interface MessageActions {
  retry(): void;
  reload(): void;
  home(): void;
  /** Somebody pasted an invite link or a token. */
  useToken(text: string): void;
}

export function messageView(message: Message, actions: MessageActions): View {
  const heading = h('h1', { tabindex: -1 }, message.title);
  const element = h(
    'main',
    { class: 'message', 'data-testid': 'message', 'data-reason': message.reason },
    mark(),
    heading,
    h('p', { class: 'lede' }, message.text),
    message.wantsToken && tokenForm(actions),
    h(
      'div',
      { class: 'actions' },
      message.retry &&
        button(
          'primary',
          'rejoin-button',
          againText(message),
          message.reload ? actions.reload : actions.retry,
        ),
      button('secondary', 'home-button', 'Back to the start', actions.home),
    ),
  );
  // Who cannot see the page change has to be told where they are.
  queueMicrotask(() => heading.focus());
  return { element, destroy: () => element.remove() };
}

function againText({ reason, reload }: Message): string {
  if (reload) return 'Reload the page';
  return ['left', 'removed', 'call_ended'].includes(reason) ? 'Join again' : 'Try again';
}

function button(kind: string, testId: string, text: string, onclick: () => void): HTMLElement {
  return h('button', { type: 'button', class: kind, 'data-testid': testId, onclick }, text);
}

function tokenForm({ useToken }: MessageActions): HTMLElement {
  const input = h('input', {
    type: 'text',
    'data-testid': 'token-input',
    placeholder: 'Invite link or token',
    'aria-label': 'Invite link or token',
    autocomplete: 'off',
    spellcheck: 'false',
  });
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    if (input.value.trim() !== '') useToken(input.value.trim());
  };
  return h(
    'form',
    { class: 'join-form', onsubmit: submit },
    input,
    h('button', { type: 'submit', class: 'primary', 'data-testid': 'token-button' }, 'Continue'),
  );
}
