import { describe, expect, it } from 'vitest';
import { CallError } from '../errors';
import { FakeTrack, fakeTrack } from '../testing/FakePeerConnection';
import { LocalMedia } from './LocalMedia';

function devices({ camera = true, microphone = true } = {}) {
  const opened: string[] = [];
  const tracks: FakeTrack[] = [];
  const open = (name: string, kind: 'audio' | 'video', there: boolean) => async (id?: string) => {
    opened.push(id === undefined ? name : `${name} ${id}`);
    if (!there || id === 'unplugged') throw new CallError('no_device');
    const track = fakeTrack(kind);
    tracks.push(track);
    return track;
  };
  const media = new LocalMedia({
    openMicrophone: open('microphone', 'audio', microphone),
    openCamera: open('camera', 'video', camera),
    openBoth: async () => {
      opened.push('both');
      if (!camera || !microphone) throw new CallError('no_device');
      return [fakeTrack('audio'), fakeTrack('video')];
    },
    openScreen: async () => [fakeTrack('video'), fakeTrack('audio')],
  });
  const states = () => [media.state('microphone'), media.state('camera')];
  return { media, opened, tracks, states };
}

describe('LocalMedia', () => {
  it('asks once for both devices', async () => {
    const { media, opened, states } = devices();
    await media.openDevices();
    expect(opened).toEqual(['both']);
    expect(states()).toEqual(['live', 'live']);
  });

  it('takes the microphone alone when there is no camera', async () => {
    const { media, states } = devices({ camera: false });
    await media.openDevices();
    expect(states()).toEqual(['live', 'off']);
    expect(media.error('camera')?.reason).toBe('no_device');
    expect(media.error('microphone')).toBeUndefined();
  });

  it('keeps the microphone open when muted, and closes the camera when off', async () => {
    const { media, tracks, states } = devices();
    await media.setMicrophone(true);
    await media.setCamera(true);
    await media.setMicrophone(false);
    await media.setCamera(false);
    expect(states()).toEqual(['muted', 'off']);
    expect(tracks.map(({ stopped }) => stopped)).toEqual([false, true]);
    await media.setMicrophone(true);
    expect(states()).toEqual(['live', 'off']);
  });

  it('opens one camera, however fast somebody clicks', async () => {
    const { media, opened } = devices();
    await Promise.all([media.setCamera(true), media.setCamera(true)]);
    expect(opened).toEqual(['camera']);
  });

  it('stays muted when the microphone is another one', async () => {
    const { media, opened, states } = devices();
    await media.setMicrophone(true);
    await media.setMicrophone(false);
    await media.selectDevice('microphone', 'headset');
    expect(opened).toEqual(['microphone', 'microphone headset']);
    expect(states()).toEqual(['muted', 'off']);
  });

  it('is muted by others at once, whatever is being opened', async () => {
    const { media, states } = devices();
    await media.setMicrophone(true);
    const opening = [media.setCamera(true), media.selectDevice('microphone', 'headset')];
    media.muteMicrophone();
    expect(media.track('microphone')?.enabled).toBe(false);
    await Promise.all(opening);
    // Whatever was asked for before; what is asked for later counts.
    await media.setCamera(false);
    expect(states()).toEqual(['muted', 'off']);
    media.muteMicrophone();
    await media.setMicrophone(true);
    expect(states()).toEqual(['live', 'off']);
  });

  it('opens nothing to be muted', async () => {
    const { media, opened, states } = devices();
    media.muteMicrophone();
    await media.setCamera(false);
    expect([opened, states()]).toEqual([[], ['off', 'off']]);
  });

  it('takes any device when the chosen one is gone', async () => {
    const { media, opened, states } = devices();
    await media.selectDevice('camera', 'unplugged');
    await media.setCamera(true);
    expect(opened).toEqual(['camera unplugged', 'camera']);
    expect(states()[1]).toBe('live');
  });

  it('says so when a device is unplugged', async () => {
    const { media, tracks, states } = devices();
    await media.setCamera(true);
    tracks[0]!.ends();
    expect(states()[1]).toBe('off');
    expect(media.error('camera')?.reason).toBe('no_device');
  });

  it('stops the sound of a screen with its picture', async () => {
    const { media } = devices();
    await media.setScreen(true);
    expect([media.state('screen'), media.state('screen_audio')]).toEqual(['live', 'live']);
    (media.track('screen') as unknown as FakeTrack).ends();
    await media.setCamera(false);
    expect([media.state('screen'), media.state('screen_audio')]).toEqual(['off', 'off']);
  });
});
