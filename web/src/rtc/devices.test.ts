import { expect, it, vi } from 'vitest';
import { openScreen } from './devices';

const UNFILTERED = { echoCancellation: false };

it.each([
  [
    'without what this page plays',
    true,
    { audio: expect.objectContaining({ ...UNFILTERED, restrictOwnAudio: true }) },
  ],
  // Then other tabs may be heard, and nothing that plays on the whole machine.
  ['without any system audio where it cannot', false, { systemAudio: 'exclude' }],
])('shares a screen %s', async (_, supported, wanted) => {
  const getDisplayMedia = vi.fn(async () => ({ getTracks: () => [] }));
  const getSupportedConstraints = () => (supported ? { restrictOwnAudio: true } : {});
  vi.stubGlobal('navigator', { mediaDevices: { getDisplayMedia, getSupportedConstraints } });
  await openScreen();
  expect(getDisplayMedia).toHaveBeenCalledExactlyOnceWith(
    expect.objectContaining({ audio: expect.objectContaining(UNFILTERED), ...wanted }),
  );
});
