/** What end-to-end tests look at; web/README.md documents it. */

import type { Call } from '../call/Call';
import type { StatsSummary } from '../rtc/stats';

export interface Convoke {
  /** Plain JSON: Slots as an array. */
  state(): unknown;
  stats(): Promise<StatsSummary> | undefined;
  /** Which Slot shows which participant's source. */
  slotOf(participantId: string, source: string): string | undefined;
  dropSignaling(): void;
  call: Call;
}

declare global {
  interface Window {
    __convoke?: Convoke;
  }
}

export function exposeForTests(call: Call): void {
  window.__convoke = {
    call,
    state: () => ({ ...call.state, slots: [...call.state.slots.values()] }),
    stats: () => call.stats(),
    slotOf: (participantId, source) =>
      [...call.state.slots.values()].find(
        (slot) => slot.participantId === participantId && slot.source === source,
      )?.mid,
    dropSignaling: () => call.dropSignaling(),
  };
}
