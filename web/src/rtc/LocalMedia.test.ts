import { describe, expect, it } from 'vitest';
import { CallError } from '../errors';
import { FakeTrack, fakeTrack } from '../testing/FakePeerConnection';
import { settled } from '../testing/values';
import { LocalMedia } from './LocalMedia';

type Capture = 'microphone' | 'camera';

function devices({ camera = true, microphone = true } = {}) {
  const opened: string[] = [];
  const tracks: FakeTrack[] = [];
  const there = { camera, microphone };
  const open = (name: Capture, kind: 'audio' | 'video') => async (id?: string) => {
    opened.push(id === undefined ? name : `${name} ${id}`);
    if (!there[name] || id === 'unplugged') throw new CallError('no_device');
    if (id === 'busy') throw new CallError('device_busy');
    const track = fakeTrack(kind);
    track.deviceId = id ?? `any ${name}`;
    tracks.push(track);
    return track;
  };
  const media = new LocalMedia({
    openMicrophone: open('microphone', 'audio'),
    openCamera: open('camera', 'video'),
    openBoth: async () => {
      opened.push('both');
      if (!camera || !microphone) throw new CallError('no_device');
      return [fakeTrack('audio'), fakeTrack('video')];
    },
    openScreen: async () => [fakeTrack('video'), fakeTrack('audio')],
  });
  const states = () => [media.state('microphone'), media.state('camera')];
  return { media, opened, tracks, states, there };
}

/** Devices behind a prompt, which the user answers by `allow`. */
function prompting() {
  const answers: ((tracks: FakeTrack[]) => void)[] = [];
  const asked = () => new Promise<FakeTrack[]>((answer) => answers.push(answer));
  const one = async () => (await asked())[0]! as never;
  const media = new LocalMedia({
    openMicrophone: one,
    openCamera: one,
    openBoth: asked as never,
    openScreen: asked as never,
  });
  const prompts = () => answers.length;
  const allow = async (...kinds: ('audio' | 'video')[]) => {
    const tracks = kinds.map(fakeTrack);
    answers.shift()!(tracks);
    await settled();
    return tracks.map(({ stopped }) => stopped);
  };
  return { media, prompts, allow };
}

describe('the end', () => {
  it.each([
    ['both devices', (media: LocalMedia) => media.openDevices(), ['audio', 'video']],
    ['the microphone', (media: LocalMedia) => media.setMicrophone(true), ['audio']],
    ['the camera', (media: LocalMedia) => media.setCamera(true), ['video']],
    ['the screen', (media: LocalMedia) => media.setScreen(true), ['video', 'audio']],
  ] as const)('stops %s, opened only after it', async (_, open, kinds) => {
    const { media, prompts, allow } = prompting();
    const opening = open(media);
    await settled();
    media.closeAll();
    expect(await allow(...kinds)).toEqual(kinds.map(() => true));
    await opening;
    expect(prompts()).toBe(0);
    for (const source of ['microphone', 'camera', 'screen', 'screen_audio'] as const) {
      expect(media.state(source)).toBe('off');
    }
  });

  it('stops a device that was being switched to', async () => {
    const { media, allow } = prompting();
    void media.setCamera(true);
    await settled();
    await allow('video');
    void media.selectDevice('camera', 'other');
    await settled();
    media.closeAll();
    expect(await allow('video')).toEqual([true]);
    expect(media.state('camera')).toBe('off');
  });

  it('opens nothing that had not begun', async () => {
    const { media, prompts, allow } = prompting();
    void media.setCamera(true);
    void media.setScreen(true);
    await settled();
    media.closeAll();
    await allow('video');
    expect(prompts()).toBe(0);
  });

  it('is not for ever, and waits for no prompt', async () => {
    const { media, allow } = prompting();
    void media.openDevices();
    await settled();
    media.closeAll();
    void media.setCamera(true);
    await settled();
    expect(await allow('audio', 'video')).toEqual([true, true]);
    expect(await allow('video')).toEqual([false]);
    expect([media.state('microphone'), media.state('camera')]).toEqual(['off', 'live']);
  });
});

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

  it('is muted at once, whatever is being opened', async () => {
    const { media, tracks, states } = devices();
    await media.setMicrophone(true);
    const opening = [media.setCamera(true), media.selectDevice('microphone', 'headset')];
    void media.setMicrophone(false);
    expect(media.track('microphone')?.enabled).toBe(false);
    const enabled: (boolean | undefined)[] = [];
    media.on('changed', () => enabled.push(media.track('microphone')?.enabled));
    await Promise.all(opening);
    expect(states()).toEqual(['muted', 'live']);
    // Not for a moment either.
    expect(enabled).not.toContain(true);
    expect(tracks.map(({ stopped }) => stopped)).toEqual([true, false, false]);
  });

  it('is as was last wished for, however fast somebody clicks', async () => {
    const { media, states } = devices();
    await media.setMicrophone(true);
    const opening = media.setCamera(true);
    await Promise.all([media.setMicrophone(false), media.setMicrophone(true)]);
    expect(states()[0]).toBe('live');
    await Promise.all([media.setMicrophone(true), media.setMicrophone(false), opening]);
    expect(states()).toEqual(['muted', 'live']);
  });

  it('comes muted when that is the wish by the time it is open', async () => {
    const { media, allow } = prompting();
    void media.setMicrophone(true);
    await settled();
    await media.setMicrophone(false);
    await allow('audio');
    expect(media.state('microphone')).toBe('muted');
  });

  it('can be muted while it is being switched', async () => {
    const { media, allow } = prompting();
    void media.setMicrophone(true);
    await settled();
    await allow('audio');
    void media.selectDevice('microphone', 'headset');
    await settled();
    expect(media.state('microphone')).toBe('live');
    await media.setMicrophone(media.state('microphone') !== 'live');
    expect(media.state('microphone')).toBe('muted');
    await allow('audio');
    expect(media.state('microphone')).toBe('muted');
  });

  it('is off when neither the new one nor the one before can be had', async () => {
    const { media, there, states } = devices();
    await media.setMicrophone(true);
    there.microphone = false;
    await expect(media.selectDevice('microphone', 'headset')).rejects.toThrow();
    expect([states()[0], media.track('microphone')]).toEqual(['off', undefined]);
  });

  it('is not opened when it is no longer wanted', async () => {
    const { media, opened, states } = devices();
    await Promise.all([media.setMicrophone(true), media.setMicrophone(false)]);
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

  it.each(['live', 'muted'] as const)('replaces a %s microphone that is unplugged', async (as) => {
    const { media, opened, tracks, states } = devices();
    await media.setMicrophone(true);
    await media.selectDevice('microphone', 'headset');
    await media.setMicrophone(as === 'live');
    tracks[1]!.ends();
    expect(states()[0]).toBe('off');
    await settled();
    expect(opened).toEqual(['microphone', 'microphone headset', 'microphone']);
    expect(states()[0]).toBe(as);
    expect(media.error('microphone')).toBeUndefined();
    // Once: the next may be as broken.
    tracks[2]!.ends();
    await settled();
    expect(opened).toHaveLength(3);
    expect(media.error('microphone')?.reason).toBe('no_device');
  });

  it('says so when no other microphone is there', async () => {
    const { media, tracks, there } = devices();
    await media.setMicrophone(true);
    there.microphone = false;
    tracks[0]!.ends();
    await settled();
    expect(media.error('microphone')?.reason).toBe('no_device');
  });

  it.each(['busy', 'unplugged'])('keeps its device when the new one is %s', async (id) => {
    const { media, opened, states } = devices();
    await media.setCamera(true);
    await media.selectDevice('camera', 'front');
    await expect(media.selectDevice('camera', id)).rejects.toThrow();
    expect(opened).toEqual(['camera', 'camera front', `camera ${id}`, 'camera front']);
    expect([states()[1], media.deviceId('camera')]).toEqual(['live', 'front']);
    expect(media.error('camera')).toBeDefined();
    // And later.
    await media.setCamera(false);
    await media.setCamera(true);
    expect(opened.at(-1)).toBe('camera front');
    expect(media.error('camera')).toBeUndefined();
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
