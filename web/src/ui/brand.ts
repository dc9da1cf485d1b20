import { h } from './dom';

/** Three people around one point. */
export function mark(): HTMLElement {
  return h('span', { class: 'mark', 'aria-hidden': true }, h('i'), h('i'), h('i'));
}
