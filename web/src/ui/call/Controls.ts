/** The bar under the call. It shows the state and reports wishes; others act. */

import { h, setAttribute, setHidden, setText, type View } from '../dom';
import { type IconName, icon, setIcon } from '../icons';

export interface ControlsState {
  room: string;
  microphoneOn: boolean;
  cameraOn: boolean;
  sharing: boolean;
  canShare: boolean;
  canEnd: boolean;
  participants: number;
  peopleOpen: boolean;
}

export type ControlName =
  | 'microphone'
  | 'camera'
  | 'share'
  | 'invite'
  | 'people'
  | 'settings'
  | 'leave'
  | 'end'
  | 'muteOthers';

interface ButtonOptions {
  name: ControlName;
  testId: string;
  icon: IconName;
  label: string;
  shortcut?: string;
  kind?: 'danger' | 'plain';
}

class Control {
  readonly element: HTMLButtonElement;
  #icon: SVGSVGElement;

  constructor(
    { name, testId, icon: iconName, label, shortcut, kind }: ButtonOptions,
    act: (name: ControlName) => void,
  ) {
    this.#icon = icon(iconName);
    this.element = h(
      'button',
      {
        type: 'button',
        class: `control ${kind ?? ''}`,
        'data-testid': testId,
        'aria-keyshortcuts': shortcut,
        onclick: () => act(name),
      },
      this.#icon,
    );
    this.#shortcut = shortcut;
    this.setLabel(label);
  }

  #shortcut: string | undefined;

  setLabel(label: string): void {
    const key = this.#shortcut ? ` (${this.#shortcut.toLowerCase()})` : '';
    setAttribute(this.element, 'aria-label', label);
    setAttribute(this.element, 'title', label + key);
  }

  /** A device: `off` is what should catch the eye. */
  setDevice(on: boolean, [iconOn, iconOff]: [IconName, IconName], labels: [string, string]): void {
    setAttribute(this.element, 'data-on', on);
    setIcon(this.#icon, on ? iconOn : iconOff);
    this.setLabel(on ? labels[0] : labels[1]);
  }

  setActive(active: boolean): void {
    setAttribute(this.element, 'aria-pressed', active);
  }
}

export class Controls implements View {
  readonly element: HTMLElement;
  #microphone: Control;
  #camera: Control;
  #share: Control;
  #people: Control;
  #end: HTMLButtonElement;
  #count = h('span', { class: 'count', 'aria-hidden': true });
  #room = h('h1', { class: 'room-name' });
  #clock = h('time', { class: 'clock' });

  constructor(act: (name: ControlName) => void) {
    const control = (options: ButtonOptions) => new Control(options, act);
    this.#microphone = control({
      name: 'microphone',
      testId: 'mute-button',
      icon: 'mic',
      label: 'Mute',
      shortcut: 'M',
    });
    this.#camera = control({
      name: 'camera',
      testId: 'camera-button',
      icon: 'camera',
      label: 'Camera',
      shortcut: 'V',
    });
    this.#share = control({
      name: 'share',
      testId: 'share-button',
      icon: 'screen',
      label: 'Share screen',
      shortcut: 'S',
    });
    this.#people = control({
      name: 'people',
      testId: 'people-button',
      icon: 'people',
      label: 'People',
      shortcut: 'P',
      kind: 'plain',
    });
    this.#people.element.append(this.#count);
    const invite = control({
      name: 'invite',
      testId: 'invite-button',
      icon: 'link',
      label: 'Copy invite link',
      shortcut: 'I',
      kind: 'plain',
    });
    const settings = control({
      name: 'settings',
      testId: 'settings-button',
      icon: 'settings',
      label: 'Devices',
      shortcut: 'D',
      kind: 'plain',
    });
    const leave = control({
      name: 'leave',
      testId: 'leave-button',
      icon: 'leave',
      label: 'Leave the call',
      kind: 'danger',
    });
    this.#end = h(
      'button',
      { type: 'button', class: 'end-all', 'data-testid': 'end-button', onclick: () => act('end') },
      'End for all',
    );
    this.element = h(
      'footer',
      { class: 'controls' },
      h('div', { class: 'controls-info' }, this.#room, this.#clock),
      h(
        'div',
        { class: 'controls-main', role: 'toolbar', 'aria-label': 'Call controls' },
        this.#microphone.element,
        this.#camera.element,
        this.#share.element,
        h(
          'span',
          { class: 'controls-side' },
          invite.element,
          this.#people.element,
          settings.element,
        ),
        leave.element,
      ),
      h('div', { class: 'controls-end' }, this.#end),
    );
  }

  get peopleButton(): HTMLElement {
    return this.#people.element;
  }

  render(state: ControlsState): void {
    this.#microphone.setDevice(state.microphoneOn, ['mic', 'micOff'], ['Mute', 'Unmute']);
    this.#camera.setDevice(
      state.cameraOn,
      ['camera', 'cameraOff'],
      ['Turn camera off', 'Turn camera on'],
    );
    this.#share.setActive(state.sharing);
    this.#share.setLabel(state.sharing ? 'Stop sharing' : 'Share screen');
    setHidden(this.#share.element, !state.canShare);
    this.#people.setActive(state.peopleOpen);
    this.#people.setLabel(`People, ${state.participants} in the call`);
    setText(this.#count, String(state.participants));
    setHidden(this.#end, !state.canEnd);
    setText(this.#room, state.room);
  }

  setClock(seconds: number): void {
    const pad = (value: number) => String(Math.floor(value)).padStart(2, '0');
    const hours = seconds >= 3600 ? `${Math.floor(seconds / 3600)}:` : '';
    setText(this.#clock, `${hours}${pad((seconds / 60) % 60)}:${pad(seconds % 60)}`);
  }

  destroy(): void {
    this.element.remove();
  }
}
