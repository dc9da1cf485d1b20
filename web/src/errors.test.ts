import { describe, expect, it } from 'vitest';
import { CallError } from './errors';

describe('fromDevice', () => {
  it.each([
    [new DOMException('no', 'NotAllowedError'), 'permission_denied'],
    [new DOMException('gone', 'NotFoundError'), 'no_device'],
    [new DOMException('busy', 'NotReadableError'), 'device_busy'],
    [Object.assign(new Error('gone'), { name: 'OverconstrainedError' }), 'no_device'],
    // As in Safari.
    [{ name: 'OverconstrainedError', message: 'gone', constraint: 'deviceId' }, 'no_device'],
    [new TypeError('what?'), 'unsupported'],
  ] as const)('%o', (error, reason) => {
    expect(CallError.fromDevice(error)).toMatchObject({ reason, message: error.message });
  });

  it.each([undefined, null, 'no', {}])('takes %o for what it does not know', (error) => {
    expect(CallError.fromDevice(error)).toMatchObject({
      reason: 'unsupported',
      message: String(error),
    });
  });
});
