/** The three device menus, before the call and in it. */

import {
  type Device,
  type DeviceKind,
  type Devices,
  listDevices,
  watchDevices,
} from '../rtc/devices';
import type { LocalMedia } from '../rtc/LocalMedia';
import { h, setHidden, type View } from './dom';

const LABELS: Record<DeviceKind, string> = {
  microphone: 'Microphone',
  camera: 'Camera',
  speaker: 'Speaker',
};
const KINDS: readonly DeviceKind[] = ['microphone', 'camera', 'speaker'];

/** Which Chromium lists, and others do not. */
const withDefault = (speakers: Device[]): Device[] =>
  speakers.length === 0 || speakers.some(({ id }) => id === 'default')
    ? speakers
    : [{ id: '', label: 'System default' }, ...speakers];

export class DeviceMenus implements View {
  readonly element = h('div', { class: 'device-menus' });
  #selects = new Map<DeviceKind, HTMLSelectElement>();
  #fields = new Map<DeviceKind, HTMLElement>();
  #stop: () => void;

  constructor(
    private readonly media: Pick<LocalMedia, 'on' | 'deviceId' | 'selectDevice'>,
    /** The one in use; none of them is the system's. */
    private speaker: string,
    private readonly onSpeaker: (id: string) => void,
  ) {
    for (const kind of KINDS) {
      const select = h('select', {
        'data-testid': `${kind}-select`,
        onchange: () => this.#chosen(kind),
      });
      const field = h('label', { class: 'field' }, h('span', {}, LABELS[kind]), select);
      this.#selects.set(kind, select);
      this.#fields.set(kind, field);
      this.element.append(field);
    }
    const stopDevices = watchDevices(() => void this.refresh());
    // Labels can be read only once a device was allowed.
    const stopMedia = media.on('changed', () => void this.refresh());
    this.#stop = () => {
      stopDevices();
      stopMedia();
    };
    void this.refresh();
  }

  async refresh(): Promise<void> {
    const devices = await listDevices().catch((): Devices => ({
      microphone: [],
      camera: [],
      speaker: [],
    }));
    this.#keepSpeaker(devices.speaker);
    devices.speaker = withDefault(devices.speaker);
    for (const kind of KINDS) {
      const select = this.#selects.get(kind)!;
      const current = kind === 'speaker' ? this.speaker : this.media.deviceId(kind);
      select.replaceChildren(
        ...devices[kind].map(({ id, label }) =>
          h('option', { value: id, selected: id === current }, label),
        ),
      );
      // Where the speaker cannot be chosen, none is listed.
      setHidden(this.#fields.get(kind)!, devices[kind].length === 0);
    }
  }

  destroy(): void {
    this.#stop();
    this.element.remove();
  }

  /** In one that was unplugged nobody is heard. */
  #keepSpeaker(listed: readonly Device[]): void {
    // Nothing is listed until a permission was given.
    if (this.speaker === '' || listed.length === 0) return;
    if (!listed.some(({ id }) => id === this.speaker)) this.#setSpeaker('');
  }

  #setSpeaker(id: string): void {
    this.speaker = id;
    this.onSpeaker(id);
  }

  #chosen(kind: DeviceKind): void {
    const id = this.#selects.get(kind)!.value;
    if (kind === 'speaker') this.#setSpeaker(id);
    // What went wrong is in `media.error`, which the views show.
    else void this.media.selectDevice(kind, id).catch(() => undefined);
  }
}
