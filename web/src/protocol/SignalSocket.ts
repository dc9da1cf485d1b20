/**
 * The signaling connection: says hello, answers nothing for ever, comes back by
 * itself. What is said over it is the owner's business; this pairs requests with
 * their answers, keeps the session alive, and resumes it after the WebSocket
 * was lost, so that to the others nobody left.
 */

import { Emitter } from '../emitter';
import { CallError } from '../errors';
import { type Logger, silentLogger } from '../logger';
import { backoffDelay } from './backoff';
import { type ClientMessage, type Message, PROTOCOL_VERSION, type ServerMessage } from './messages';
import { Requests } from './requests';

/** The part of WebSocket that is used, so that tests can stand in for it. */
export interface WebSocketLike {
  onopen: ((event: never) => void) | null;
  onmessage: ((event: { data: unknown }) => void) | null;
  onclose: ((event: { code: number; reason: string }) => void) | null;
  send(data: string): void;
  close(code?: number, reason?: string): void;
}

export interface Credentials {
  /** A user token or an invite. */
  token?: string;
  /** Enters as a guest, where guests are allowed and there is no token. */
  name?: string;
}

export interface SignalSocketOptions {
  url: string;
  credentials: Credentials;
  logger?: Logger;
  createWebSocket?: (url: string) => WebSocketLike;
  random?: () => number;
}

export type SignalState =
  | { name: 'idle' }
  | { name: 'connecting'; attempt: number }
  | { name: 'open' }
  /** Lost; the next attempt comes after the delay, or with a sign of network. */
  | { name: 'waiting'; attempt: number; delayMs: number }
  | { name: 'closed'; error?: CallError };

export interface SignalEvents {
  state: SignalState;
  welcome: Message<'welcome'>;
  message: ServerMessage;
}

/** Without a welcome by then the attempt has failed. */
const HANDSHAKE_TIMEOUT_MS = 10_000;
/**
 * Silence after a ping that means the path is dead, though no close came: as
 * long as the server's interval, which is before the server itself gives up.
 */
const MIN_PONG_TIMEOUT_MS = 3_000;
const MAX_PONG_TIMEOUT_MS = 8_000;
/** The same when the network is known to have changed. */
const PROBE_TIMEOUT_MS = 3_000;
/** A first connection that cannot be made is told to the user soon. */
const GIVE_UP_CONNECTING_MS = 15_000;
/** A call that was going on is fought for longer. */
const GIVE_UP_RECONNECTING_MS = 5 * 60_000;
/** 1013: the server is overloaded, or could not wait for us (RFC 6455 §11.7). */
const CLOSE_TRY_AGAIN_LATER = 1013;
const TRY_AGAIN_LATER_MS = 2_000;
/** A newer session of the same participant took over; coming back would take it from that one. */
const CLOSE_REPLACED = 4003;
const CLOSE_NORMAL = 1000;

/** Answers to `hello` that another attempt would only get again. */
const FATAL_AT_HELLO = new Set(['unauthorized', 'forbidden', 'unsupported_protocol']);

export class SignalSocket extends Emitter<SignalEvents> {
  #state: SignalState = { name: 'idle' };
  #socket: WebSocketLike | undefined;
  #resumeToken: string | undefined;
  #requests = new Requests((message) => this.send(message));
  #attempt = 0;
  #atLeastMs = 0;
  #pingEveryMs = 15_000;
  #pongTimeoutMs = MAX_PONG_TIMEOUT_MS;
  #retryTimer: ReturnType<typeof setTimeout> | undefined;
  #deadline: ReturnType<typeof setTimeout> | undefined;
  #pingTimer: ReturnType<typeof setTimeout> | undefined;
  /** What the server said last instead of a welcome. */
  #refusal: CallError | undefined;
  #giveUpTimer: ReturnType<typeof setTimeout> | undefined;
  #logger: Logger;

  constructor(private readonly options: SignalSocketOptions) {
    super();
    this.#logger = options.logger ?? silentLogger;
  }

  get state(): SignalState {
    return this.#state;
  }

  connect(): void {
    if (this.#state.name !== 'idle' && this.#state.name !== 'closed') return;
    this.#attempt = 0;
    this.#giveUpAfter(GIVE_UP_CONNECTING_MS);
    this.#open();
  }

  /** Says goodbye for good. */
  close(): void {
    this.#finish();
  }

  /** False when there is no session to say it in; the owner tells again after `welcome`. */
  send(message: ClientMessage): boolean {
    if (this.#state.name !== 'open') return false;
    this.#write(message);
    this.#schedulePing();
    return true;
  }

  /** Resolves with the answer that echoes the request's number. */
  request<T extends ServerMessage['type']>(
    build: (request: number) => ClientMessage,
    answer: T,
  ): Promise<Message<T>> {
    return this.#requests.start(build, answer);
  }

  /**
   * The network came back or changed, or the page became visible: do not wait
   * for a timer, and do not trust a socket that may be bound to a dead path.
   */
  nudge(): void {
    if (this.#state.name === 'waiting') {
      this.#open();
    } else if (this.#state.name === 'open') {
      this.#write({ type: 'ping' });
      this.#expectWithin(PROBE_TIMEOUT_MS);
    }
  }

  /** Abandons the WebSocket as if the network had lost it. */
  drop(): void {
    if (this.#socket) this.#lost(1006, 'dropped');
  }

  #open(): void {
    clearTimeout(this.#retryTimer);
    this.#setState({ name: 'connecting', attempt: this.#attempt });
    const create = this.options.createWebSocket ?? ((url) => new WebSocket(url) as WebSocketLike);
    const socket = create(this.options.url);
    this.#socket = socket;
    socket.onopen = () => this.#hello();
    socket.onmessage = ({ data }) => this.#receive(data);
    socket.onclose = ({ code, reason }) => {
      if (code === CLOSE_REPLACED) this.#finish(new CallError('replaced'));
      else this.#lost(code, reason);
    };
    this.#expectWithin(HANDSHAKE_TIMEOUT_MS);
  }

  #hello(): void {
    const { token, name } = this.options.credentials;
    this.#write({
      type: 'hello',
      protocol: PROTOCOL_VERSION,
      ...(token === undefined ? {} : { token }),
      ...(name === undefined ? {} : { name }),
      ...(this.#resumeToken === undefined ? {} : { resume: this.#resumeToken }),
    });
  }

  #receive(data: unknown): void {
    const message = parse(data);
    if (!message) {
      this.#logger.warn('The server sent something that is not a message');
      return;
    }
    if (this.#state.name === 'open') {
      clearTimeout(this.#deadline);
      this.#deadline = undefined;
    }
    if (message.type === 'pong') return;
    if (message.type === 'joined') this.#resumeToken = message.resumeToken;
    if (message.type === 'welcome') this.#welcomed(message);
    else if (this.#state.name === 'connecting') this.#refused(message);
    else if (!this.#requests.settle(message)) this.emit('message', message);
  }

  #welcomed(welcome: Message<'welcome'>): void {
    clearTimeout(this.#giveUpTimer);
    this.#giveUpTimer = undefined;
    clearTimeout(this.#deadline);
    this.#deadline = undefined;
    this.#attempt = 0;
    this.#atLeastMs = 0;
    this.#refusal = undefined;
    this.#resumeToken = welcome.resumeToken;
    // Half of what is asked, so that one delayed timer does not end the session.
    this.#pingEveryMs = Math.max(1_000, (welcome.pingIntervalSecs * 1_000) / 2);
    const patience = Math.max(MIN_PONG_TIMEOUT_MS, welcome.pingIntervalSecs * 1_000);
    this.#pongTimeoutMs = Math.min(MAX_PONG_TIMEOUT_MS, patience);
    this.#setState({ name: 'open' });
    this.#logger.info('Signaling is connected', { resumed: welcome.resumed });
    this.#schedulePing();
    this.emit('welcome', welcome);
  }

  /** Before the welcome only errors can come. */
  #refused(message: ServerMessage): void {
    if (message.type !== 'error') return;
    const error = CallError.fromServer(message);
    this.#logger.info('The server refused the session', { reason: error.reason });
    if (message.code === 'resume_failed' && this.#resumeToken !== undefined) {
      this.#resumeToken = undefined;
      this.#hello();
    } else if (FATAL_AT_HELLO.has(message.code)) {
      this.#finish(error);
    } else {
      this.#refusal = error;
      this.#atLeastMs = (message.retryAfterSecs ?? 1) * 1_000;
      this.#lost(CLOSE_TRY_AGAIN_LATER, message.code);
    }
  }

  #lost(code: number, reason: string): void {
    this.#discardSocket();
    if (code === CLOSE_TRY_AGAIN_LATER) this.#atLeastMs ||= TRY_AGAIN_LATER_MS;
    if (this.#giveUpTimer === undefined) this.#giveUpAfter(GIVE_UP_RECONNECTING_MS);
    const delayMs = backoffDelay(
      this.#attempt,
      this.options.random ?? Math.random,
      this.#atLeastMs,
    );
    this.#attempt += 1;
    this.#atLeastMs = 0;
    this.#logger.info('Signaling was lost', { code, reason, retryInMs: Math.round(delayMs) });
    this.#retryTimer = setTimeout(() => this.#open(), delayMs);
    this.#setState({ name: 'waiting', attempt: this.#attempt, delayMs });
    this.#requests.rejectAll(new CallError('disconnected'));
  }

  #finish(error?: CallError): void {
    this.#discardSocket();
    clearTimeout(this.#retryTimer);
    clearTimeout(this.#giveUpTimer);
    this.#giveUpTimer = undefined;
    this.#resumeToken = undefined;
    this.#setState(error ? { name: 'closed', error } : { name: 'closed' });
    this.#requests.rejectAll(error ?? new CallError('disconnected'));
  }

  #discardSocket(): void {
    clearTimeout(this.#deadline);
    clearTimeout(this.#pingTimer);
    this.#deadline = undefined;
    const socket = this.#socket;
    this.#socket = undefined;
    if (!socket) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close(CLOSE_NORMAL);
  }

  #write(message: ClientMessage): void {
    this.#socket?.send(JSON.stringify(message));
  }

  #schedulePing(): void {
    clearTimeout(this.#pingTimer);
    this.#pingTimer = setTimeout(() => {
      this.#write({ type: 'ping' });
      // One deadline for a silence, however many pings go into it.
      if (this.#deadline === undefined) this.#expectWithin(this.#pongTimeoutMs);
      this.#schedulePing();
    }, this.#pingEveryMs);
  }

  #expectWithin(ms: number): void {
    clearTimeout(this.#deadline);
    this.#deadline = setTimeout(() => this.#lost(1006, 'silence'), ms);
  }

  #giveUpAfter(ms: number): void {
    clearTimeout(this.#giveUpTimer);
    this.#giveUpTimer = setTimeout(
      () => this.#finish(this.#refusal ?? new CallError('connection_failed')),
      ms,
    );
  }

  #setState(state: SignalState): void {
    this.#state = state;
    this.emit('state', state);
  }
}

function parse(data: unknown): ServerMessage | undefined {
  try {
    const message: unknown = JSON.parse(String(data));
    return typeof message === 'object' && message !== null && 'type' in message
      ? (message as ServerMessage)
      : undefined;
  } catch {
    return undefined;
  }
}
