import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { DISCONNECTED_GRACE_MS, PathRecovery, REPAIR_TIMEOUT_MS } from './recovery';

function recovery() {
  const done: string[] = [];
  const path = new PathRecovery({
    restart: () => void done.push('restart'),
    rebuild: () => void done.push('rebuild'),
  });
  path.pathChanged('connecting');
  path.pathChanged('connected');
  return { path, done };
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe('PathRecovery', () => {
  it('lets a path that works alone', () => {
    const { done } = recovery();
    vi.advanceTimersByTime(600_000);
    expect(done).toEqual([]);
  });

  it('waits a moment for a disconnected path to come back', () => {
    const { path, done } = recovery();
    path.pathChanged('disconnected');
    vi.advanceTimersByTime(DISCONNECTED_GRACE_MS - 1);
    path.pathChanged('connected');
    vi.advanceTimersByTime(600_000);
    expect(done).toEqual([]);
    path.pathChanged('disconnected');
    vi.advanceTimersByTime(DISCONNECTED_GRACE_MS);
    expect(done).toEqual(['restart']);
  });

  it('restarts a failed path at once', () => {
    const { path, done } = recovery();
    path.pathChanged('failed');
    expect(done).toEqual(['restart']);
  });

  it('makes everything new when restarts do not help, and keeps trying', () => {
    const { path, done } = recovery();
    path.pathChanged('failed');
    vi.advanceTimersByTime(3 * REPAIR_TIMEOUT_MS);
    expect(done).toEqual(['restart', 'restart', 'rebuild', 'restart']);
  });

  it('counts from the beginning once connected', () => {
    const { path, done } = recovery();
    path.pathChanged('failed');
    vi.advanceTimersByTime(REPAIR_TIMEOUT_MS);
    path.pathChanged('connected');
    path.pathChanged('failed');
    expect(done).toEqual(['restart', 'restart', 'restart']);
  });

  it('restarts for a new network without waiting for the old one to fail', () => {
    const { path, done } = recovery();
    path.networkChanged();
    expect(done).toEqual(['restart']);
  });

  it('restarts once when the path lived through the change', () => {
    const { path, done } = recovery();
    path.networkChanged();
    vi.advanceTimersByTime(600_000);
    expect(done).toEqual(['restart']);
  });

  it('waits for signaling, without which nothing can be negotiated', () => {
    const { path, done } = recovery();
    path.signalingChanged(false);
    path.pathChanged('failed');
    vi.advanceTimersByTime(60_000);
    expect(done).toEqual([]);
    path.signalingChanged(true);
    expect(done).toEqual(['restart']);
  });

  it('rebuilds when that is due, whatever else is wished for meanwhile', () => {
    const { path, done } = recovery();
    path.signalingChanged(false);
    path.serverLostPath();
    path.networkChanged();
    path.signalingChanged(true);
    expect(done).toEqual(['rebuild']);
  });

  it('forgets the wish when the path came back meanwhile', () => {
    const { path, done } = recovery();
    path.signalingChanged(false);
    path.pathChanged('failed');
    path.pathChanged('connected');
    path.signalingChanged(true);
    expect(done).toEqual([]);
  });

  it('rebuilds when the server lost its end', () => {
    const { path, done } = recovery();
    path.serverLostPath();
    expect(done).toEqual(['rebuild']);
  });

  it('does nothing more once stopped', () => {
    const { path, done } = recovery();
    path.pathChanged('disconnected');
    path.stop();
    vi.advanceTimersByTime(600_000);
    expect(done).toEqual([]);
  });
});
