import { beforeEach, expect, it, vi } from 'vitest';
import { fakeTrack } from '../testing/FakePeerConnection';
import { Streams } from './Streams';

beforeEach(() => {
  vi.stubGlobal(
    'MediaStream',
    class {
      constructor(private readonly tracks: unknown[]) {}
      getTracks() {
        return this.tracks;
      }
    },
  );
});

it('gives the same stream for as long as the track is the same', () => {
  const streams = new Streams();
  const track = fakeTrack('video');
  const stream = streams.of('slot 4', track);
  expect(streams.of('slot 4', track)).toBe(stream);
  expect(streams.of('slot 5', track)).not.toBe(stream);
  expect(streams.of('slot 4', fakeTrack('video'))).not.toBe(stream);
  expect(streams.of('slot 4', undefined)).toBeUndefined();
});
