/** Everything that can go wrong, each with a reason that a program can act on. */

import type { ErrorCode, Message } from './protocol/messages';

export type ErrorReason =
  | ErrorCode
  /** The user, the browser or its policy said no to a device. */
  | 'permission_denied'
  | 'no_device'
  /** Another program holds the device. */
  | 'device_busy'
  /** Devices exist only on https and localhost. */
  | 'insecure_context'
  | 'unsupported'
  /** The signaling connection went away before the answer came. */
  | 'disconnected'
  | 'timeout'
  /** The server could not be reached, or not any more. */
  | 'connection_failed'
  /** The same participant continues on another socket. */
  | 'replaced';

export class CallError extends Error {
  override readonly name = 'CallError';

  constructor(
    readonly reason: ErrorReason,
    message: string = reason,
    readonly retryAfterSecs?: number,
  ) {
    super(message);
  }

  static fromServer(error: Message<'error'>): CallError {
    return new CallError(error.code, error.message, error.retryAfterSecs);
  }

  /** Names are those of Media Capture and Streams §10.2.3 and of older browsers. */
  static fromDevice(error: unknown): CallError {
    // Safari's OverconstrainedError is neither a DOMException nor an Error.
    const { name, message = String(error) } = Object(error) as { name?: string; message?: string };
    switch (name) {
      case 'NotAllowedError':
      case 'SecurityError':
        return new CallError('permission_denied', message);
      case 'NotFoundError':
      case 'OverconstrainedError':
        return new CallError('no_device', message);
      case 'NotReadableError':
      case 'AbortError':
        return new CallError('device_busy', message);
      default:
        return new CallError('unsupported', message);
    }
  }

  static from(error: unknown): CallError {
    return error instanceof CallError
      ? error
      : new CallError('internal', error instanceof Error ? error.message : String(error));
  }
}
