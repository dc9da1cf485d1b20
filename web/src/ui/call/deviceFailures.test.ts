import { expect, it } from 'vitest';
import { CallError } from '../../errors';
import { LocalMedia } from '../../rtc/LocalMedia';
import { FakeTrack, fakeTrack } from '../../testing/FakePeerConnection';
import { tellFailures } from './deviceFailures';

async function inCall() {
  const broken = new Set(['microphone', 'busy']);
  const open = (kind: 'audio' | 'video', name: string) => async (id?: string) => {
    if (broken.has(name) || broken.has(id ?? '')) throw new CallError('device_busy');
    return fakeTrack(kind);
  };
  const media = new LocalMedia({
    openMicrophone: open('audio', 'microphone'),
    openCamera: open('video', 'camera'),
    openBoth: () => Promise.reject(new CallError('device_busy')),
    openScreen: async () => [],
  });
  await media.openDevices();
  const told: string[] = [];
  const stop = tellFailures(media, (text) => told.push(text));
  return { media, told, stop };
}

it('is told of a device that is unplugged, once', async () => {
  const { media, told } = await inCall();
  (media.track('camera') as unknown as FakeTrack).ends();
  media.emit('changed', 'camera');
  expect(told).toEqual(['No camera was found. Plug one in to be seen.']);
});

it('is told of a device that cannot be switched to', async () => {
  const { media, told } = await inCall();
  await media.selectDevice('camera', 'busy').catch(() => undefined);
  expect(told).toEqual([expect.stringContaining('camera is in use')]);
});

it('is told of what was known before only when it is tried again', async () => {
  const { media, told } = await inCall();
  media.emit('changed', 'microphone');
  expect(told).toEqual([]);
  for (const times of [1, 2]) {
    await media.setMicrophone(true).catch(() => undefined);
    expect(told).toHaveLength(times);
  }
});

it('ends', async () => {
  const { media, told, stop } = await inCall();
  stop();
  await media.setMicrophone(true).catch(() => undefined);
  expect(told).toEqual([]);
});
