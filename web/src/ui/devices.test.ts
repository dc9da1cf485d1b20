import { beforeEach, describe, expect, it, vi } from 'vitest';
import { fake, openFakePage } from '../testing/FakePage';
import { settled } from '../testing/values';
import { DeviceMenus } from './devices';

const speakers = (...ids: string[]) =>
  ids.map((deviceId) => ({ kind: 'audiooutput', deviceId, label: `The ${deviceId}` }));

let listed: ReturnType<typeof speakers>;
const mediaDevices = Object.assign(new EventTarget(), { enumerateDevices: async () => listed });

beforeEach(() => {
  openFakePage();
  vi.stubGlobal('navigator', { mediaDevices });
});

async function menus(speaker: string, ...ids: string[]) {
  listed = speakers(...ids);
  const chosen: string[] = [];
  const media = { on: () => () => undefined, deviceId: () => undefined, selectDevice: vi.fn() };
  const view = new DeviceMenus(media as never, speaker, (id) => chosen.push(id));
  await settled();
  const select = fake(view.element).all('select')[2]!;
  const choose = (id: string) => {
    select.value = id;
    select.dispatchEvent(new Event('change'));
  };
  const change = async (...ids: string[]) => {
    listed = speakers(...ids);
    mediaDevices.dispatchEvent(new Event('devicechange'));
    await settled();
  };
  return { select, chosen, choose, change, view };
}

describe('the menu of speakers', () => {
  it('shows the one in use', async () => {
    const { select, chosen } = await menus('headset', 'default', 'headset');
    expect(select.value).toBe('headset');
    expect(chosen).toEqual([]);
  });

  it('goes on showing what was chosen in it', async () => {
    const { select, chosen, choose, change } = await menus('', 'default', 'headset');
    choose('headset');
    await change('default', 'monitor', 'headset');
    expect([chosen, select.value]).toEqual([['headset'], 'headset']);
  });

  it('goes back to the default when the one in use is unplugged, once', async () => {
    const { select, chosen, change } = await menus('headset', 'default', 'headset');
    await change('default', 'monitor');
    await change('default');
    expect([chosen, select.value]).toEqual([[''], 'default']);
  });

  it('keeps the choice while nothing may be listed', async () => {
    const { select, chosen, change } = await menus('headset');
    expect(chosen).toEqual([]);
    await change('default', 'headset');
    expect(select.value).toBe('headset');
  });

  it('has a default where the browser lists none', async () => {
    const { select, chosen, choose } = await menus('headset', 'headset', 'monitor');
    expect(select.children.map(({ textContent }) => textContent)).toEqual([
      'System default',
      'The headset',
      'The monitor',
    ]);
    choose('');
    expect(chosen).toEqual(['']);
  });
});
