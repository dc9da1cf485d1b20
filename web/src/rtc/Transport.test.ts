import { beforeEach, describe, expect, it, vi } from 'vitest';
import { CallError } from '../errors';
import type { Message, PublishLine } from '../protocol/messages';
import { FakePeerConnection, fakeTrack } from '../testing/FakePeerConnection';
import { settled } from '../testing/values';
import { AUDIO_SLOTS } from './slots';
import { Transport } from './Transport';

const capabilities = { getCapabilities: () => ({ codecs: [], headerExtensions: [] }) };

interface Asked {
  sdp: string;
  publish: PublishLine[];
  answer(): void;
  fail(error: CallError): void;
}

function transport() {
  const asked: Asked[] = [];
  const candidates: string[] = [];
  const fake = new FakePeerConnection();
  const made = new Transport({
    iceServers: [],
    publish: { codec: 'vp8', simulcast: true },
    negotiate: (sdp, publish) =>
      new Promise<Message<'answer'>>((resolve, reject) =>
        asked.push({
          sdp,
          publish,
          answer: () => resolve({ type: 'answer', request: 1, sdp: 'answer', slots: [] }),
          fail: reject,
        }),
      ),
    candidate: (candidate) => candidates.push(candidate),
    heardAndSeen: () => [],
    createPeerConnection: () => fake as unknown as RTCPeerConnection,
  });
  return { made, fake, asked, candidates };
}

async function negotiated() {
  const all = transport();
  all.made.offer();
  await settled();
  all.asked[0]!.answer();
  await settled();
  return all;
}

beforeEach(() => {
  vi.stubGlobal('RTCRtpSender', capabilities);
  vi.stubGlobal('RTCRtpReceiver', capabilities);
});

describe('the offer', () => {
  it('has microphone, camera and audio Slots, and names what is published', async () => {
    const { asked, fake } = await negotiated();
    expect(asked[0]!.publish).toEqual([
      { mid: '0', source: 'microphone' },
      { mid: '1', source: 'camera' },
    ]);
    const slots = fake.transceivers.filter(({ direction }) => direction === 'recvonly');
    expect(slots.map(({ kind }) => kind)).toEqual(Array(AUDIO_SLOTS).fill('audio'));
  });

  it('is one for everything that is wanted in a turn', async () => {
    const { made, asked } = transport();
    made.growVideoSlots(4);
    void made.setTrack('screen', fakeTrack('video'));
    made.offer();
    await settled();
    expect(asked).toHaveLength(1);
    expect(asked[0]!.publish.map(({ source }) => source)).toContain('screen');
  });

  it('waits for the answer of the one before', async () => {
    const { made, asked } = await negotiated();
    made.growVideoSlots(1);
    await settled();
    made.growVideoSlots(4);
    made.restartIce();
    await settled();
    expect(asked).toHaveLength(2);
    asked[1]!.answer();
    await settled();
    expect(asked).toHaveLength(3);
    asked[2]!.answer();
    await settled();
    expect(made.slotMids('video')).toHaveLength(4);
  });

  it('is made again when signaling comes back', async () => {
    const { made, asked } = transport();
    made.offer();
    await settled();
    asked[0]!.fail(new CallError('disconnected'));
    await settled();
    expect(asked).toHaveLength(1);
    made.signalingResumed();
    await settled();
    expect(asked).toHaveLength(2);
  });

  it('is not repeated when the server refuses it', async () => {
    const { made, asked } = transport();
    const refused = vi.fn();
    made.on('refused', refused);
    made.offer();
    await settled();
    asked[0]!.fail(new CallError('bad_offer'));
    await settled();
    made.signalingResumed();
    await settled();
    expect(asked).toHaveLength(1);
    expect(refused).toHaveBeenCalledOnce();
  });

  it('goes before its candidates', async () => {
    const { made, fake, asked, candidates } = transport();
    made.offer();
    fake.onicecandidate?.({ candidate: { candidate: 'early', sdpMid: '0' } as RTCIceCandidate });
    expect(candidates).toEqual([]);
    await settled();
    expect(asked).toHaveLength(1);
    fake.onicecandidate?.({ candidate: { candidate: 'late', sdpMid: '0' } as RTCIceCandidate });
    expect(candidates).toEqual(['early', 'late']);
  });
});

describe('layers', () => {
  const layersOf = ({ fake }: ReturnType<typeof transport>) =>
    fake.transceivers[1]!.sender.activeLayers();

  it('are sent that are wanted, also by a camera that is exchanged', async () => {
    const all = await negotiated();
    expect(layersOf(all)).toEqual(['q', 'h', 'f']);
    all.made.wantLayers('camera', ['q']);
    await settled();
    await all.made.setTrack('camera', fakeTrack('video'));
    expect(layersOf(all)).toEqual(['q']);
    expect(all.asked).toHaveLength(1);
  });

  it('stay as wanted after another answer', async () => {
    const all = await negotiated();
    all.made.wantLayers('camera', ['q', 'h']);
    await settled();
    all.made.restartIce();
    await settled();
    all.asked[1]!.answer();
    await settled();
    expect(layersOf(all)).toEqual(['q', 'h']);
  });

  it('are all sent again when it is not known which are wanted', async () => {
    const all = await negotiated();
    all.made.wantLayers('camera', ['q']);
    await settled();
    all.made.wantAllLayers();
    await settled();
    expect(layersOf(all)).toEqual(['q', 'h', 'f']);
  });

  it('are not those of the path before', async () => {
    const all = transport();
    all.made.offer();
    await settled();
    all.made.wantLayers('camera', ['q']);
    all.asked[0]!.answer();
    await settled();
    expect(layersOf(all)).toEqual(['q', 'h', 'f']);
    all.made.wantLayers('camera', ['q', 'h']);
    await settled();
    expect(layersOf(all)).toEqual(['q', 'h']);
  });

  it('of a source without simulcast or never published are left alone', async () => {
    const all = await negotiated();
    all.made.wantLayers('screen', ['q']);
    void all.made.setTrack('screen', fakeTrack('video'));
    await settled();
    all.asked[1]!.answer();
    await settled();
    all.made.wantLayers('screen', ['q']);
    all.made.wantLayers('microphone', []);
    await settled();
    expect(all.fake.transceivers.flatMap(({ sender }) => sender.set)).toEqual([]);
  });
});

describe('sources', () => {
  it('are published once the answer took them', async () => {
    const { made, asked } = transport();
    expect(made.publishes('camera')).toBe(false);
    made.offer();
    await settled();
    asked[0]!.answer();
    await settled();
    expect(made.publishes('camera')).toBe(true);
    expect(made.publishes('screen')).toBe(false);
  });

  it('change their track without another offer', async () => {
    const { made, fake, asked } = await negotiated();
    const camera = fakeTrack('video');
    await made.setTrack('camera', camera);
    expect(fake.transceivers[1]!.sender.track).toBe(camera);
    await made.setTrack('camera', null);
    expect(fake.transceivers[1]!.sender.track).toBeNull();
    expect(asked).toHaveLength(1);
  });

  it('that were never used need none when they stop', async () => {
    const { made, asked } = await negotiated();
    await made.setTrack('screen', null);
    await settled();
    expect(asked).toHaveLength(1);
  });
});
