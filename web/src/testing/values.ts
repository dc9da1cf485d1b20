/** Protocol values for tests, whole, with only what matters spelled out. */

import type { Message, ParticipantInfo, TrackSource } from '../protocol/messages';

export function participant(id: string, more: Partial<ParticipantInfo> = {}): ParticipantInfo {
  return {
    id,
    userId: `user-${id}`,
    name: `Name of ${id}`,
    role: 'participant',
    connection: 'connected',
    tracks: [],
    joinedAt: Number(id.replace(/\D/g, '')) || 0,
    ...more,
  };
}

export const withTracks = (id: string, ...sources: TrackSource[]): ParticipantInfo =>
  participant(id, { tracks: sources.map((source) => ({ source, muted: false })) });

export const joined = (more: Partial<Message<'joined'>> = {}): Message<'joined'> => ({
  type: 'joined',
  resumeToken: 'resume-2',
  call: { id: 'c1', room: 'room', startedAt: 1 },
  you: participant('you'),
  participants: [],
  slots: [],
  speakers: [],
  media: 'new',
  ...more,
});

/** Until everything that only waits for promises is done. */
export const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
