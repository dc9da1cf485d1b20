import { afterEach, describe, expect, it } from 'vitest';
import { type HeardAndSeen, LipSync, type Playing } from './lipsync';

const stopped: LipSync[] = [];
afterEach(() => stopped.splice(0).forEach((sync) => sync.stop()));

const PAIR: HeardAndSeen = { voice: '2', picture: '5' };

interface Receiver {
  jitterBufferTarget?: number | null;
}

/** A voice on mid 2 and a picture on mid 5, of which the test says how long each waits. */
function playing({ can = true } = {}) {
  const receiver = (): Receiver => (can ? { jitterBufferTarget: null } : {});
  const [voice, picture] = [receiver(), receiver()];
  const sums = (mid: string) => ({
    type: 'inbound-rtp',
    mid,
    jitterBufferDelay: 0,
    jitterBufferEmittedCount: 0,
  });
  const [heard, seen] = [sums('2'), sums('5')];
  const fake = {
    getStats: async () => new Map([heard, seen].map((entry) => [entry.mid, { ...entry }])),
    getTransceivers: () => [
      { mid: '2', receiver: voice },
      { mid: '5', receiver: picture },
    ],
  };
  let pairs = [PAIR];
  const sync = new LipSync(fake as unknown as Playing, () => pairs);
  stopped.push(sync);
  const targets = () => [voice.jitterBufferTarget, picture.jitterBufferTarget];
  /** A second in which each waited so many ms; nothing came of what is undefined. */
  const second = async (voiceMs?: number, pictureMs?: number) => {
    for (const [entry, ms] of [[heard, voiceMs], [seen, pictureMs]] as const) {
      if (ms === undefined) continue;
      entry.jitterBufferDelay += (30 * ms) / 1_000;
      entry.jitterBufferEmittedCount += 30;
    }
    await sync.adjust();
    return targets();
  };
  const apart = async () => {
    pairs = [];
    await sync.adjust();
    return targets();
  };
  return { second, apart };
}

describe('a voice and its picture', () => {
  it('come together by holding back the one that is ahead', async () => {
    const early = playing();
    await early.second(0, 0);
    expect(await early.second(50, 150)).toEqual([150, null]);
    expect(await early.second(150, 100)).toEqual([100, null]);
    const late = playing();
    await late.second(0, 0);
    expect(await late.second(120, 30)).toEqual([null, 120]);
    expect(await late.second(160, 120)).toEqual([null, 160]);
  });

  it('change roles when the one that is held waits longer by itself', async () => {
    const { second } = playing();
    await second(0, 0);
    expect(await second(50, 100)).toEqual([100, null]);
    expect(await second(180, 100)).toEqual([null, null]);
    expect(await second(180, 100)).toEqual([null, 180]);
  });

  it('do not drive each other up', async () => {
    const { second } = playing();
    await second(0, 0);
    await second(50, 100);
    // Whatever is held plays some ms after its floor.
    for (let n = 0; n < 20; n += 1) expect(await second(115, 100)).toEqual([100, null]);
  });

  it('are left alone for what nobody notices', async () => {
    const { second } = playing();
    await second(0, 0);
    expect(await second(50, 65)).toEqual([null, null]);
    expect(await second(50, 150)).toEqual([150, null]);
    expect(await second(150, 165)).toEqual([150, null]);
  });

  it('are never held back so long that people interrupt each other', async () => {
    const { second } = playing();
    await second(0, 0);
    expect(await second(50, 3_000)).toEqual([400, null]);
  });

  it('keep their time while one of them stands still', async () => {
    const { second } = playing();
    await second(0, 0);
    await second(50, 150);
    expect(await second(50)).toEqual([150, null]);
    expect(await second(undefined, 50)).toEqual([150, null]);
  });

  it('are free again without each other', async () => {
    const { second, apart } = playing();
    await second(0, 0);
    await second(50, 150);
    expect(await apart()).toEqual([null, null]);
  });

  it('are not touched where the browser cannot do it', async () => {
    const { second } = playing({ can: false });
    await second(0, 0);
    expect(await second(50, 150)).toEqual([undefined, undefined]);
  });
});
