/** A quiet line that says why pictures are worse than they could be. */

import { type CallState, takesPart, trackOf } from '../../call/state';
import { h, setAttribute, setHidden, setText, type View } from '../dom';

/** Pure: only what can be seen here, so that a call of voices is told nothing. */
export function strainText({ strain, slots, participants }: CallState): string | undefined {
  if (strain === 'none') return undefined;
  const paused = [...slots.values()].some(({ state }) => state === 'withheld');
  if (paused) return 'The server is busy: some pictures are paused';
  const pictures = participants.filter(takesPart).some((participant) =>
    (['camera', 'screen'] as const).some((source) => trackOf(participant, source)?.muted === false),
  );
  return pictures ? 'The server is busy: pictures are smaller' : undefined;
}

export class StrainNote implements View {
  /** `status` is announced without interrupting who listens to the call. */
  readonly element = h('div', {
    class: 'strain',
    'data-testid': 'strain',
    role: 'status',
    hidden: true,
  });

  render(state: CallState): void {
    const text = strainText(state);
    setHidden(this.element, text === undefined);
    setText(this.element, text ?? '');
    setAttribute(this.element, 'data-strain', state.strain);
  }

  destroy(): void {
    this.element.remove();
  }
}
