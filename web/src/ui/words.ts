/** What users read when something is not as it should be, in one place. */

import type { CallError, ErrorReason } from '../errors';

export interface Message {
  /** For tests, and for who asks for help. */
  reason: string;
  title: string;
  text: string;
  /** Another try may go better. */
  retry: boolean;
  /** Of the page, that is: what is open would fail the same way. */
  reload?: boolean;
  /** A token or an invite link would help. */
  wantsToken?: boolean;
}

type Words = Omit<Message, 'reason'>;

const UNKNOWN: Words = {
  title: 'Something went wrong',
  text: 'The call could not go on. Trying again usually helps.',
  retry: true,
};

const NEEDS_TOKEN: Words = {
  title: 'You need an invitation',
  text: 'This server lets in people with an invite link or an access token. Yours is missing, invalid or has expired.',
  retry: false,
  wantsToken: true,
};

const FAILURES: Partial<Record<ErrorReason, Words>> = {
  unauthorized: NEEDS_TOKEN,
  forbidden: {
    ...NEEDS_TOKEN,
    title: 'This room is not open to you',
    text: 'Your invitation is not for this room. Ask for a link to it, or open the right one.',
  },
  room_full: {
    title: 'The room is full',
    text: 'Everybody who fits is in the call already. Try again when somebody has left.',
    retry: true,
  },
  invalid_room: {
    title: 'That is not a room name',
    text: 'Use letters, digits and dashes, or start a new room.',
    retry: false,
  },
  unsupported_protocol: {
    title: 'This page is out of date',
    text: 'The server was updated. Reload the page to go on.',
    retry: true,
    reload: true,
  },
  connection_failed: {
    title: 'The server cannot be reached',
    text: 'Check your internet connection, then try again.',
    retry: true,
  },
  replaced: {
    title: 'This call continues in another tab',
    text: 'It was opened there later. Close this tab, or join again from here.',
    retry: true,
  },
  bad_offer: {
    title: 'Audio and video could not be set up',
    text: 'This browser and the server did not agree on how to send media. Try again, or use another browser.',
    retry: true,
  },
  rate_limited: {
    title: 'Too many attempts',
    text: 'Wait a moment, then try again.',
    retry: true,
  },
  overloaded: {
    title: 'The server has too much to do',
    text: 'It cannot take another call just now; those that go on are not affected. Try again in a minute.',
    retry: true,
  },
  unavailable: {
    title: 'The server is busy',
    text: 'It cannot take this call at the moment. Try again in a minute.',
    retry: true,
  },
};

export const failureMessage = ({ reason }: CallError): Message => ({
  reason,
  ...(FAILURES[reason] ?? UNKNOWN),
});

export const LEFT: Message = {
  reason: 'left',
  title: 'You left the call',
  text: 'The others can go on without you. You may come back at any time.',
  retry: true,
};

export const ENDED: Message = {
  reason: 'call_ended',
  title: 'The call has ended',
  text: 'Thank you for coming. The room is still yours to use again.',
  retry: true,
};

export const REMOVED: Message = {
  reason: 'removed',
  title: 'You are no longer in the call',
  text: 'You were removed, or were away for too long.',
  retry: true,
};

const DEVICES: Partial<Record<ErrorReason, (device: string) => string>> = {
  permission_denied: (device) =>
    `Your browser does not let this page use the ${device}. Allow it with the icon in the address bar.`,
  no_device: (device) =>
    `No ${device} was found. Plug one in to be ${device === 'camera' ? 'seen' : 'heard'}.`,
  device_busy: (device) =>
    `The ${device} is in use by another program. Close that, then try again.`,
  insecure_context: (device) =>
    `Browsers give the ${device} only to secure pages. Open this page with https.`,
};

/** Why a microphone or camera does not work, and what to do about it. */
export function deviceMessage(device: 'microphone' | 'camera', { reason }: CallError): string {
  return DEVICES[reason]?.(device) ?? `The ${device} could not be started.`;
}

/** Whose microphone is off now without its doing, and by whom. */
export const mutedBy = (name: string | undefined): string =>
  name === undefined ? 'You were muted' : `${name} muted you`;

const BOTH: Partial<Record<ErrorReason, string>> = {
  no_device: 'No microphone or camera was found. Plug one in to be heard and seen.',
};

/** One sentence when both fail for the same reason. */
export function devicesMessage({ reason }: CallError): string {
  return (
    BOTH[reason] ??
    DEVICES[reason]?.('microphone or camera') ??
    'The microphone and camera could not be started.'
  );
}
