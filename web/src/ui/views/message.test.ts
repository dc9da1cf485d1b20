import { beforeEach, expect, it } from 'vitest';
import { CallError, type ErrorReason } from '../../errors';
import { fake, openFakePage } from '../../testing/FakePage';
import { failureMessage } from '../words';
import { messageView } from './message';

beforeEach(() => void openFakePage());

it.each([
  ['connection_failed', 'Try again', 'retry'],
  // The old page would only be refused again.
  ['unsupported_protocol', 'Reload the page', 'reload'],
] as const)('after %s one can: %s', (reason: ErrorReason, label, action) => {
  const done: string[] = [];
  const act = (name: string) => () => void done.push(name);
  const view = messageView(failureMessage(new CallError(reason)), {
    retry: act('retry'),
    reload: act('reload'),
    home: act('home'),
    useToken: act('token'),
  });
  const button = fake(view.element)
    .all('button')
    .find((one) => one.getAttribute('data-testid') === 'rejoin-button')!;
  expect(button.textContent).toBe(label);
  button.dispatchEvent(new Event('click'));
  expect(done).toEqual([action]);
});
