/**
 * The way through the page: start, pre-join, call, and what is said afterwards.
 * One view at a time; the address names the room.
 */

import { Call } from '../call/Call';
import { type CallState, isOver } from '../call/state';
import { CallError } from '../errors';
import { consoleLogger } from '../logger';
import { Presence } from '../presence';
import { LocalMedia } from '../rtc/LocalMedia';
import type { VideoCodec } from '../rtc/codecs';
import type { View } from './dom';
import * as identity from './identity';
import { type Invitation, roomOfPath, roomPath, tokenOf } from './rooms';
import { exposeForTests } from './testing';
import { CallView } from './views/call';
import { messageView } from './views/message';
import { PrejoinView } from './views/prejoin';
import { startView } from './views/start';
import { ENDED, failureMessage, LEFT, type Message, REMOVED } from './words';

const CODECS: readonly string[] = ['vp8', 'vp9', 'h264', 'av1'];

export class App {
  #view: View | undefined;
  #call: Call | undefined;
  #media: LocalMedia | undefined;
  /** Before the call, of somebody whose application has entered it already. */
  #presence: Presence | undefined;
  #speaker = '';
  #onSpeaker = (id: string): void => {
    this.#speaker = id;
  };

  constructor(private readonly root: HTMLElement) {}

  start(): void {
    identity.adoptTokenFromAddress();
    window.addEventListener('popstate', () => {
      identity.adoptTokenFromAddress();
      this.#route();
    });
    // A link with a token, pasted over the page's own address.
    window.addEventListener('hashchange', () => {
      if (identity.adoptTokenFromAddress()) this.#route();
    });
    // Closing the tab is leaving; the others should not wait for the timeout.
    window.addEventListener('pagehide', () => this.#call?.leave());
    this.#route();
  }

  #route(): void {
    this.#hangUp();
    const room = roomOfPath(location.pathname);
    if (room === undefined) this.#showStart();
    else this.#showPrejoin(room);
  }

  #go(path: string): void {
    if (path !== location.pathname) history.pushState(null, '', path);
    this.#route();
  }

  #open({ room, token }: Invitation): void {
    if (token !== undefined) identity.setToken(token);
    this.#go(roomPath(room));
  }

  #showStart(): void {
    document.title = 'Convoke';
    this.#show(startView((invitation) => this.#open(invitation)));
  }

  #showPrejoin(room: string): void {
    document.title = `${room} · Convoke`;
    const media = new LocalMedia();
    this.#media = media;
    const token = identity.tokenFor(room);
    const given = token === undefined ? undefined : identity.nameInToken(token);
    if (token !== undefined) this.#presence = new Presence(room, token, fetch.bind(window), window);
    this.#show(
      new PrejoinView({
        room,
        media,
        name: given ?? identity.rememberedName(),
        nameIsGiven: given !== undefined,
        join: (name) => this.#join(room, name, media),
        home: () => this.#go('/'),
        speaker: this.#speaker,
        onSpeaker: this.#onSpeaker,
      }),
    );
  }

  #join(room: string, name: string, media: LocalMedia): void {
    const token = identity.tokenFor(room);
    if (token === undefined) identity.rememberName(name);
    this.#presence?.stop();
    this.#presence = undefined;
    const call = new Call({
      url: socketUrl(),
      name,
      ...(token === undefined ? {} : { token }),
      media,
      logger: consoleLogger,
      ...codecOfAddress(),
    });
    this.#call = call;
    exposeForTests(call);
    call.on('state', (state) => isOver(state) && this.#over(call, state));
    this.#show(new CallView(call, this.#speaker, this.#onSpeaker));
    call.join(room);
  }

  #over(call: Call, { phase, room }: CallState): void {
    if (call !== this.#call) return;
    this.#call = undefined;
    if (phase.name === 'failed') this.#failed(phase.error, room);
    else if (phase.name === 'ended') {
      this.#showMessage({ left: LEFT, removed: REMOVED, call_ended: ENDED }[phase.why]);
    }
  }

  #failed(error: CallError, room: string): void {
    const unauthorized = error.reason === 'unauthorized';
    const hasOther = identity.token() !== undefined && identity.tokenFor(room) === undefined;
    const message = failureMessage(unauthorized && hasOther ? new CallError('forbidden') : error);
    this.#showMessage(message);
    const view = this.#view;
    if (!unauthorized) return;
    void identity.forgetRefusedToken(fetch.bind(window)).then((forgotten) => {
      // By name, then.
      if (forgotten && view === this.#view) this.#showMessage({ ...message, retry: true });
    });
  }

  #showMessage(message: Message): void {
    this.#show(
      messageView(message, {
        retry: () => this.#route(),
        reload: () => location.reload(),
        home: () => this.#go('/'),
        useToken: (text) => this.#useToken(text),
      }),
    );
  }

  /** A token, or a link with one; a link's room is where it leads. */
  #useToken(text: string): void {
    const url = /^https?:/i.test(text) && URL.canParse(text) ? new URL(text) : undefined;
    const room = url && roomOfPath(url.pathname);
    identity.setToken(url ? (tokenOf(url) ?? '') : text);
    if (room === undefined) this.#route();
    else this.#go(roomPath(room));
  }

  #hangUp(): void {
    const call = this.#call;
    this.#call = undefined;
    call?.leave();
    this.#presence?.leave();
    this.#presence = undefined;
    this.#media?.closeAll();
    this.#media = undefined;
  }

  #show(view: View): void {
    this.#view?.destroy();
    this.#view = view;
    this.root.replaceChildren(view.element);
  }
}

function socketUrl(): string {
  return `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/ws`;
}

/** `?codec=vp9` publishes with another codec, to try one out. */
function codecOfAddress(): { codec?: VideoCodec } {
  const codec = new URLSearchParams(location.search).get('codec')?.toLowerCase() ?? '';
  return CODECS.includes(codec) ? { codec: codec as VideoCodec } : {};
}
