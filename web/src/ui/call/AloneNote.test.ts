import { beforeEach, expect, it } from 'vitest';
import { type CallState, initialState } from '../../call/state';
import type { ParticipantInfo } from '../../protocol/messages';
import { fake, openFakePage } from '../../testing/FakePage';
import { participant } from '../../testing/values';
import { AloneNote } from './AloneNote';

beforeEach(() => void openFakePage());

function note() {
  const alone = new AloneNote(() => undefined);
  const [text] = fake(alone.element).all('p');
  return (name: 'joining' | 'joined' | 'reconnecting', ...participants: ParticipantInfo[]) => {
    alone.render({ ...initialState, phase: { name }, participants } as CallState);
    return alone.element.hidden ? undefined : text!.textContent;
  };
}

it('says who is the first', () => {
  const reads = note();
  expect(reads('joining')).toBeUndefined();
  expect(reads('joined')).toBe('You are the first one here.');
  // Who only watches is nobody to talk to.
  expect(reads('joined', participant('p1', { role: 'viewer' }))).toBe(
    'You are the first one here.',
  );
});

it('says who is the only one left', () => {
  const reads = note();
  expect(reads('joined', participant('p1'))).toBeUndefined();
  expect(reads('joined')).toBe('You are the only one here.');
  expect(reads('reconnecting')).toBeUndefined();
});
