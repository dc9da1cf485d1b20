/** Keys, for who does not want to look for the mouse. */

import type { ControlName } from './Controls';

const KEYS: Record<string, ControlName> = {
  m: 'microphone',
  v: 'camera',
  s: 'share',
  i: 'invite',
  p: 'people',
  d: 'settings',
};

export interface Shortcuts {
  act(name: ControlName): void;
  /** Space is held: speak while it is, if muted. */
  talk(on: boolean): void;
  escape(): void;
}

const isTyping = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement && target.matches('input, select, textarea, [contenteditable]');

/** A focused button takes the space key for itself. */
const isButton = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement && target.matches('button, a');

/** Returns the function that stops listening. */
export function listenForShortcuts(shortcuts: Shortcuts): () => void {
  const stop = new AbortController();
  const { signal } = stop;
  document.addEventListener(
    'keydown',
    (event) => {
      const { key, target, repeat, ctrlKey, metaKey, altKey } = event;
      if (key === 'Escape') return shortcuts.escape();
      if (repeat || ctrlKey || metaKey || altKey || isTyping(target)) return;
      const name = KEYS[key.toLowerCase()];
      if (name) shortcuts.act(name);
      else if (key === ' ' && !isButton(target)) shortcuts.talk(true);
    },
    { signal },
  );
  document.addEventListener('keyup', ({ key }) => key === ' ' && shortcuts.talk(false), { signal });
  // A key that is let go of elsewhere is not told here.
  window.addEventListener('blur', () => shortcuts.talk(false), { signal });
  document.addEventListener(
    'visibilitychange',
    () => document.visibilityState === 'hidden' && shortcuts.talk(false),
    { signal },
  );
  return () => stop.abort();
}
