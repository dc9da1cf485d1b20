import { describe, expect, it } from 'vitest';
import { type CallState, initialState } from '../../call/state';
import { troubleOf } from './Banner';

const state = (
  name: 'joining' | 'joined' | 'reconnecting',
  path: RTCPeerConnectionState,
): CallState => ({
  ...initialState,
  phase: { name },
  path,
});

describe('troubleOf', () => {
  it.each([
    ['joining', 'new', true, 'joining'],
    ['joined', 'connected', true, undefined],
    ['joined', 'connected', false, undefined],
    ['joined', 'disconnected', false, 'offline'],
    ['joined', 'connecting', true, 'media_connecting'],
    ['joined', 'disconnected', true, 'media_reconnecting'],
    ['joined', 'failed', true, 'media_reconnecting'],
    ['reconnecting', 'connected', true, 'reconnecting'],
    ['reconnecting', 'failed', true, 'reconnecting'],
    ['reconnecting', 'failed', false, 'offline'],
  ] as const)('%s, media %s, online %s: %s', (phase, path, online, reason) => {
    expect(troubleOf(state(phase, path), online)?.reason).toBe(reason);
  });
});
