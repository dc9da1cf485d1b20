/**
 * Before the call: see yourself, hear that you are heard, choose a name. Nothing
 * here is needed to join; who has no devices comes to listen.
 */

import type { LocalMedia } from '../../rtc/LocalMedia';
import { type LevelMeter, meter } from '../../rtc/level';
import { DeviceMenus } from '../devices';
import { h, setAttribute, setHidden, setText, type View } from '../dom';
import { icon, setIcon } from '../icons';
import { initials } from '../identity';
import { deviceMessage, devicesMessage } from '../words';

export interface PrejoinOptions {
  room: string;
  media: LocalMedia;
  name: string;
  /** The token names the user: nothing to ask. */
  nameIsGiven: boolean;
  join(name: string): void;
  home(): void;
  /** The chosen one, or empty for the system's. */
  speaker: string;
  onSpeaker(id: string): void;
}

export class PrejoinView implements View {
  readonly element: HTMLElement;
  #video = h('video', { autoplay: true, playsinline: true });
  #avatar = h('div', { class: 'avatar', 'aria-hidden': true });
  #preview = h('div', { class: 'preview' });
  #level = h(
    'div',
    {
      class: 'level',
      role: 'meter',
      'aria-label': 'Microphone level',
      'aria-valuemin': 0,
      'aria-valuemax': 100,
    },
    h('i'),
  );
  #notice = h('p', { class: 'notice', 'data-testid': 'message', role: 'alert', hidden: true });
  #name: HTMLInputElement;
  #microphone: HTMLButtonElement;
  #camera: HTMLButtonElement;
  #microphoneIcon = icon('mic');
  #cameraIcon = icon('camera');
  #menus: DeviceMenus;
  #meter: LevelMeter | undefined;
  #metered: MediaStreamTrack | undefined;
  #frame = 0;
  #stopMedia: () => void;
  #destroyed = false;

  constructor(private readonly options: PrejoinOptions) {
    const { media, name, nameIsGiven } = options;
    this.#video.muted = true;
    this.#name = h('input', {
      type: 'text',
      name: 'name',
      'data-testid': 'name-input',
      placeholder: 'Your name',
      maxlength: 80,
      autocomplete: 'name',
      value: name,
      readonly: nameIsGiven,
      required: true,
      oninput: () => setText(this.#avatar, initials(this.#name.value)),
    });
    this.#microphone = this.#toggle('mute-button', this.#microphoneIcon, () =>
      media.setMicrophone(media.state('microphone') !== 'live'),
    );
    this.#camera = this.#toggle('camera-button', this.#cameraIcon, () =>
      media.setCamera(media.state('camera') !== 'live'),
    );
    this.#menus = new DeviceMenus(media, options.speaker, options.onSpeaker);
    this.#preview.append(
      h('div', { class: 'tile-backdrop' }, this.#avatar),
      this.#video,
      h('div', { class: 'preview-controls' }, this.#microphone, this.#level, this.#camera),
    );
    setText(this.#avatar, initials(name));
    this.element = h('main', { class: 'prejoin' }, this.#preview, this.#card());
    this.#stopMedia = media.on('changed', () => this.#render());
    this.#render();
    void this.#openDevices();
  }

  destroy(): void {
    this.#destroyed = true;
    this.#stopMedia();
    this.#menus.destroy();
    this.#setMeter(undefined);
    this.#video.srcObject = null;
    this.element.remove();
  }

  #card(): HTMLElement {
    const { room, home } = this.options;
    const submit = (event: SubmitEvent) => {
      event.preventDefault();
      const name = this.#name.value.trim();
      if (name !== '') this.options.join(name);
      else this.#name.focus();
    };
    return h(
      'form',
      { class: 'card', onsubmit: submit },
      h('h1', {}, 'Ready to join?'),
      h('p', { class: 'room-line' }, h('span', {}, 'Room '), h('strong', {}, room)),
      h('label', { class: 'field' }, h('span', {}, 'Your name'), this.#name),
      this.#notice,
      this.#menus.element,
      h(
        'button',
        { type: 'submit', class: 'primary large', 'data-testid': 'join-button' },
        'Join the call',
      ),
      h('button', { type: 'button', class: 'quiet', onclick: home }, 'Cancel'),
    );
  }

  #toggle(testId: string, image: SVGSVGElement, act: () => Promise<void>): HTMLButtonElement {
    // A refusal is in `media.error`, and rendered.
    const onclick = () => void act().catch(() => undefined);
    return h('button', { type: 'button', class: 'control', 'data-testid': testId, onclick }, image);
  }

  async #openDevices(): Promise<void> {
    await this.options.media.openDevices();
    if (this.#destroyed) return;
    if (this.#name.value === '') this.#name.focus();
  }

  #render(): void {
    const { media } = this.options;
    const camera = media.track('camera');
    if (this.#shown !== camera) {
      this.#shown = camera;
      this.#video.srcObject = camera ? new MediaStream([camera]) : null;
    }
    setAttribute(this.#preview, 'data-video', camera !== undefined);
    const micOn = media.state('microphone') === 'live';
    setAttribute(this.#microphone, 'data-on', micOn);
    setAttribute(this.#microphone, 'aria-label', micOn ? 'Mute' : 'Unmute');
    setIcon(this.#microphoneIcon, micOn ? 'mic' : 'micOff');
    setAttribute(this.#camera, 'data-on', camera !== undefined);
    setAttribute(this.#camera, 'aria-label', camera ? 'Turn camera off' : 'Turn camera on');
    setIcon(this.#cameraIcon, camera ? 'camera' : 'cameraOff');
    this.#setMeter(micOn ? media.track('microphone') : undefined);
    this.#renderNotice();
  }

  #shown: MediaStreamTrack | undefined;

  #renderNotice(): void {
    const { media } = this.options;
    const microphone = media.error('microphone');
    const camera = media.error('camera');
    const error = microphone ?? camera;
    setHidden(this.#notice, !error);
    setAttribute(this.#notice, 'data-reason', error?.reason ?? '');
    if (!error) return;
    const text =
      microphone && microphone.reason === camera?.reason
        ? devicesMessage(microphone)
        : [
            microphone && deviceMessage('microphone', microphone),
            camera && deviceMessage('camera', camera),
          ]
            .filter(Boolean)
            .join(' ');
    setText(this.#notice, `${text} You can join anyway.`);
  }

  #setMeter(track: MediaStreamTrack | undefined): void {
    if (this.#metered === track) return;
    cancelAnimationFrame(this.#frame);
    this.#meter?.stop();
    this.#metered = track;
    this.#meter = track && meter(track);
    this.#drawLevel(0);
    if (track) this.#animate();
  }

  #animate(): void {
    this.#frame = requestAnimationFrame(() => {
      this.#drawLevel(this.#meter?.read() ?? 0);
      this.#animate();
    });
  }

  #drawLevel(level: number): void {
    this.#level.style.setProperty('--level', level.toFixed(2));
    setAttribute(this.#level, 'aria-valuenow', String(Math.round(level * 100)));
  }
}
