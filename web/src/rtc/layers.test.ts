import { afterEach, describe, expect, it, vi } from 'vitest';
import { silentLogger } from '../logger';
import { FakeSender } from '../testing/FakePeerConnection';
import { settled } from '../testing/values';
import { activate, Layers } from './layers';
import { cameraEncodings } from './publish';

const camera = () => new FakeSender(cameraEncodings({ codec: 'vp8', simulcast: true }));
const layersOf = (sender: FakeSender, logger = silentLogger) =>
  new Layers(sender as unknown as RTCRtpSender, logger);

describe('activate', () => {
  it.each([
    { wanted: ['q', 'h', 'f'], active: [true, true, true], changed: false },
    { wanted: undefined, active: [true, true, true], changed: false },
    { wanted: ['q', 'h'], active: [true, true, false], changed: true },
    { wanted: ['q'], active: [true, false, false], changed: true },
    { wanted: ['q', 'f'], active: [true, false, true], changed: true },
    { wanted: ['f', 'q', 'unknown'], active: [true, false, true], changed: true },
  ])('$wanted: $active', ({ wanted, active, changed }) => {
    const encodings = cameraEncodings({ codec: 'vp8', simulcast: true });
    expect(activate(encodings, wanted)).toBe(changed);
    expect(encodings.map((encoding) => encoding.active ?? true)).toEqual(active);
    expect(activate(encodings, wanted)).toBe(false);
  });

  it.each([
    ['one encoding', cameraEncodings({ codec: 'vp8', simulcast: false })],
    ['none yet', []],
  ])('leaves what has no rid as it is: %s', (_, encodings) => {
    const before = structuredClone(encodings);
    expect(activate(encodings, ['q'])).toBe(false);
    expect(encodings).toEqual(before);
  });
});

describe('Layers', () => {
  it('sets nothing when all is as wanted', async () => {
    const sender = camera();
    const layers = layersOf(sender);
    layers.want(['q', 'h', 'f']);
    await settled();
    layers.want(['q']);
    await settled();
    layers.want(['q']);
    await settled();
    expect(sender.set).toEqual([['q']]);
  });

  it('changes `active` and nothing else', async () => {
    const sender = camera();
    layersOf(sender).want(['q', 'h']);
    await settled();
    const limits = sender.encodings.map(({ active, ...rest }) => rest);
    expect(limits).toEqual(cameraEncodings({ codec: 'vp8', simulcast: true }));
  });

  it('sets one wish after the other, and of those that came meanwhile the newest', async () => {
    const sender = camera();
    const layers = layersOf(sender);
    layers.want(['q']);
    layers.want(['q', 'h']);
    layers.want(['q', 'f']);
    await settled();
    expect(sender.set).toEqual([['q'], ['q', 'f']]);
  });

  it('takes back a wish that is being set', async () => {
    const sender = camera();
    const layers = layersOf(sender);
    layers.want(['q']);
    layers.want(undefined);
    await settled();
    expect(sender.activeLayers()).toEqual(['q', 'h', 'f']);
  });

  it('lets the layer be sent when the browser refuses, says so, and goes on', async () => {
    const sender = camera();
    const warn = vi.fn();
    const layers = layersOf(sender, { ...silentLogger, warn });
    sender.refusal = new Error('no');
    layers.want(['q']);
    await settled();
    expect(sender.activeLayers()).toEqual(['q', 'h', 'f']);
    expect(warn).toHaveBeenCalledOnce();
    sender.refusal = undefined;
    layers.want(['q', 'h']);
    await settled();
    expect(sender.activeLayers()).toEqual(['q', 'h']);
  });

  describe('when the browser refuses', () => {
    afterEach(() => vi.useRealTimers());

    it('tries again, what is wanted by then', async () => {
      vi.useFakeTimers();
      const sender = camera();
      const layers = layersOf(sender);
      layers.want(['q']);
      await vi.advanceTimersByTimeAsync(0);
      sender.refusal = new Error('not now');
      layers.want(['q', 'h']);
      await vi.advanceTimersByTimeAsync(0);
      expect(sender.activeLayers()).toEqual(['q']);
      sender.refusal = undefined;
      await vi.advanceTimersByTimeAsync(1000);
      expect(sender.activeLayers()).toEqual(['q', 'h']);
    });

    it('gives up in the end, until something else is wanted', async () => {
      vi.useFakeTimers();
      const sender = camera();
      const warn = vi.fn();
      const layers = layersOf(sender, { ...silentLogger, warn });
      sender.refusal = new Error('closed');
      layers.want(['q']);
      await vi.advanceTimersByTimeAsync(60_000);
      expect(warn).toHaveBeenCalledTimes(5);
      layers.want(['q', 'h']);
      await vi.advanceTimersByTimeAsync(60_000);
      expect(warn).toHaveBeenCalledTimes(10);
    });
  });

  it('waits for encodings that come with the answer', async () => {
    const sender = new FakeSender();
    const layers = layersOf(sender);
    layers.want(['q']);
    await settled();
    expect(sender.set).toEqual([]);
    sender.encodings = camera().encodings;
    layers.apply();
    await settled();
    expect(sender.activeLayers()).toEqual(['q']);
  });
});
