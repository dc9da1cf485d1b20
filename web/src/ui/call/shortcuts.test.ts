import { beforeEach, describe, expect, it, vi } from 'vitest';
import { listenForShortcuts } from './shortcuts';

beforeEach(() => {
  vi.stubGlobal('HTMLElement', class {});
  vi.stubGlobal('window', new EventTarget());
  vi.stubGlobal('document', Object.assign(new EventTarget(), { visibilityState: 'visible' }));
});

function listening() {
  const talks: boolean[] = [];
  const acts: string[] = [];
  const stop = listenForShortcuts({
    act: (name) => acts.push(name),
    talk: (on) => talks.push(on),
    escape: () => acts.push('escape'),
  });
  const press = (type: 'keydown' | 'keyup', key: string) =>
    document.dispatchEvent(Object.assign(new Event(type), { key }));
  const turns = (visibilityState: DocumentVisibilityState) => {
    Object.assign(document, { visibilityState });
    document.dispatchEvent(new Event('visibilitychange'));
  };
  return { talks, acts, stop, press, turns };
}

describe('holding the space key', () => {
  it('talks until it is let go of', () => {
    const { talks, press } = listening();
    press('keydown', ' ');
    press('keyup', ' ');
    expect(talks).toEqual([true, false]);
  });

  it('ends with the focus of the window, which the key is let go of outside of', () => {
    const { talks, press } = listening();
    press('keydown', ' ');
    window.dispatchEvent(new Event('blur'));
    expect(talks).toEqual([true, false]);
  });

  it('ends when the page is hidden, not when it is seen again', () => {
    const { talks, press, turns } = listening();
    press('keydown', ' ');
    turns('hidden');
    turns('visible');
    expect(talks).toEqual([true, false]);
  });
});

it('hears nothing once stopped', () => {
  const { talks, acts, stop, press, turns } = listening();
  stop();
  press('keydown', 'm');
  press('keydown', ' ');
  window.dispatchEvent(new Event('blur'));
  turns('hidden');
  expect([talks, acts]).toEqual([[], []]);
});
