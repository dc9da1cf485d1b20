/** The call itself: tiles, controls, and everything that appears around them. */

import type { Call } from '../../call/Call';
import { everybody, mayEnd } from '../../call/state';
import { CallError } from '../../errors';
import { canShareScreen } from '../../rtc/devices';
import { AloneNote } from '../call/AloneNote';
import { Audio } from '../call/Audio';
import { Banner } from '../call/Banner';
import { type ControlName, Controls } from '../call/Controls';
import { People } from '../call/People';
import { StrainNote } from '../call/StrainNote';
import { tellFailures } from '../call/deviceFailures';
import { listenForShortcuts } from '../call/shortcuts';
import { Toasts } from '../call/toasts';
import { keepScreenOn } from '../call/wakeLock';
import { DeviceMenus } from '../devices';
import { h, setHidden, type View } from '../dom';
import { icon } from '../icons';
import { roomPath } from '../rooms';
import { Stage } from '../stage/Stage';
import { mutedBy } from '../words';

/** What the page needs of a Call; the gallery of dev/ has another one. */
export type CallLike = Pick<
  Call,
  | 'state'
  | 'on'
  | 'show'
  | 'streamOf'
  | 'audioStreams'
  | 'media'
  | 'leave'
  | 'end'
  | 'muteOthers'
>;

/** In a larger room somebody always comes or goes. */
const NEWS_UP_TO = 12;

export class CallView implements View {
  readonly element: HTMLElement;
  #stage: Stage;
  #controls = new Controls((name) => this.#act(name));
  #people = new People((name) => this.#act(name));
  #toasts = new Toasts();
  #banner = new Banner();
  #strain = new StrainNote();
  #alone = new AloneNote((name) => this.#act(name));
  #audio = new Audio();
  #menus: DeviceMenus;
  #settings: HTMLDialogElement;
  #sharing: HTMLElement;
  #clock: ReturnType<typeof setInterval>;
  #cleanups: (() => void)[];
  /** Muted before the space key was held. */
  #talking = false;

  constructor(
    private readonly call: CallLike,
    speaker: string,
    onSpeaker: (id: string) => void,
  ) {
    this.#stage = new Stage(call);
    this.#audio.setSink(speaker);
    this.#menus = new DeviceMenus(call.media, speaker, (id) => {
      this.#audio.setSink(id);
      onSpeaker(id);
    });
    this.#settings = this.#settingsDialog();
    this.#sharing = this.#sharingNote();
    this.element = h(
      'main',
      { class: 'call' },
      h(
        'div',
        { class: 'call-body' },
        h(
          'div',
          { class: 'call-stage' },
          this.#stage.element,
          this.#alone.element,
          this.#overlays(),
        ),
        this.#people.element,
      ),
      this.#strain.element,
      this.#controls.element,
      this.#settings,
    );
    this.#cleanups = this.#listen();
    this.#clock = setInterval(() => this.#tick(), 1_000);
    this.#audio.setStreams(call.audioStreams());
    this.#render();
  }

  destroy(): void {
    clearInterval(this.#clock);
    for (const cleanup of this.#cleanups) cleanup();
    for (const part of [this.#stage, this.#menus, this.#audio, this.#banner, this.#toasts]) {
      part.destroy();
    }
    this.#strain.destroy();
    this.element.remove();
  }

  #overlays(): HTMLElement {
    return h(
      'div',
      { class: 'overlays' },
      this.#banner.element,
      this.#audio.element,
      this.#sharing,
      this.#toasts.element,
    );
  }

  #listen(): (() => void)[] {
    const { call } = this;
    const render = () => this.#render();
    window.addEventListener('online', render);
    window.addEventListener('offline', render);
    return [
      call.on('state', render),
      call.on('local', render),
      call.on('audio', () => this.#audio.setStreams(call.audioStreams())),
      call.on('muted', ({ by }) => this.#toasts.show(mutedBy(by?.name))),
      call.on('participantJoined', ({ name }) => this.#news(`${name} joined`)),
      call.on('participantLeft', ({ name }) => this.#news(`${name} left`)),
      tellFailures(call.media, (text) => this.#toasts.show(text)),
      listenForShortcuts({
        act: (name) => this.#act(name),
        talk: (on) => this.#talk(on),
        escape: () => this.#togglePeople(false),
      }),
      keepScreenOn(),
      () => window.removeEventListener('online', render),
      () => window.removeEventListener('offline', render),
    ];
  }

  #render(): void {
    const { state, media } = this.call;
    const sharing = media.state('screen') !== 'off';
    this.#stage.render();
    this.#banner.render(state);
    this.#strain.render(state);
    this.#people.render(state);
    this.#controls.render({
      room: state.room,
      microphoneOn: media.state('microphone') === 'live',
      cameraOn: media.state('camera') === 'live',
      sharing,
      canShare: canShareScreen(),
      canEnd: mayEnd(state),
      participants: everybody(state).length,
      peopleOpen: !this.#people.element.hidden,
    });
    setHidden(this.#sharing, !sharing);
    this.#alone.render(state);
  }

  #tick(): void {
    const started = this.call.state.call?.startedAt;
    // The server's clock and this one may differ by more than the call is old.
    if (started !== undefined) {
      this.#controls.setClock(Math.max(0, (Date.now() - started) / 1_000));
    }
  }

  #act(name: ControlName): void {
    const { media } = this.call;
    switch (name) {
      case 'microphone':
        return this.#try(media.setMicrophone(media.state('microphone') !== 'live'));
      case 'camera':
        return this.#try(media.setCamera(media.state('camera') !== 'live'));
      case 'share':
        return this.#share();
      case 'invite':
        return void this.#copyInvite();
      case 'people':
        return this.#togglePeople(this.#people.element.hidden === true);
      case 'settings':
        return this.#settings.open ? this.#settings.close() : this.#settings.showModal();
      case 'leave':
        return this.call.leave();
      case 'end':
        return void this.call.end().catch((error: CallError) => this.#toasts.show(error.message));
      case 'muteOthers':
        return void this.#muteOthers();
    }
  }

  /** What went wrong is in `media.error`, and told from there. */
  #try(done: Promise<void>): void {
    done.catch(() => undefined);
  }

  #share(): void {
    const { media } = this.call;
    const start = media.state('screen') === 'off';
    media.setScreen(start).catch((error: unknown) => {
      // Closing the browser's own dialog is a choice, not a failure.
      if (CallError.from(error).reason !== 'permission_denied') {
        this.#toasts.show('The screen could not be shared.');
      }
    });
  }

  #talk(on: boolean): void {
    const { media } = this.call;
    if (on ? media.state('microphone') !== 'muted' : !this.#talking) return;
    this.#talking = on;
    this.#try(media.setMicrophone(on));
  }

  async #muteOthers(): Promise<void> {
    try {
      const { length } = await this.call.muteOthers();
      this.#toasts.show(length > 0 ? 'You muted everyone else' : 'Everyone else is muted already');
    } catch (error) {
      this.#toasts.show(CallError.from(error).message);
    }
  }

  async #copyInvite(): Promise<void> {
    const link = location.origin + roomPath(this.call.state.room);
    try {
      await navigator.clipboard.writeText(link);
      this.#toasts.show('Invite link copied');
    } catch {
      // No clipboard on pages that are not secure: then to be read.
      this.#toasts.show(link);
    }
  }

  #togglePeople(open: boolean): void {
    this.#people.setOpen(open, this.#controls.peopleButton);
    this.#render();
  }

  #news(text: string): void {
    if (this.call.state.participants.length <= NEWS_UP_TO) this.#toasts.show(text);
  }

  #settingsDialog(): HTMLDialogElement {
    const close = () => this.#settings.close();
    return h(
      'dialog',
      { class: 'card settings', 'aria-label': 'Devices' },
      h('h2', {}, 'Devices'),
      this.#menus.element,
      h('button', { type: 'button', class: 'primary', onclick: close }, 'Done'),
    );
  }

  #sharingNote(): HTMLElement {
    return h(
      'div',
      { class: 'sharing', hidden: true },
      icon('screen'),
      'You are sharing your screen',
      h('button', { type: 'button', class: 'quiet', onclick: () => this.#share() }, 'Stop'),
    );
  }
}
