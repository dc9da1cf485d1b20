/** Pairs questions with answers by the number that the server echoes. */

import { CallError } from '../errors';
import type { ClientMessage, Message, ServerMessage } from './messages';

/** An answer that has not come by then will not come. */
const ANSWER_TIMEOUT_MS = 15_000;

interface Pending {
  answer: ServerMessage['type'];
  resolve(message: ServerMessage): void;
  reject(error: CallError): void;
  timer: ReturnType<typeof setTimeout>;
}

export class Requests {
  #pending = new Map<number, Pending>();
  #next = 1;

  constructor(private readonly send: (message: ClientMessage) => boolean) {}

  start<T extends ServerMessage['type']>(
    build: (request: number) => ClientMessage,
    answer: T,
  ): Promise<Message<T>> {
    const request = this.#next++;
    if (!this.send(build(request))) return Promise.reject(new CallError('disconnected'));
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#pending.delete(request);
        reject(new CallError('timeout'));
      }, ANSWER_TIMEOUT_MS);
      this.#pending.set(request, {
        answer,
        resolve: resolve as (message: ServerMessage) => void,
        reject,
        timer,
      });
    });
  }

  /** True when the message was somebody's answer. */
  settle(message: ServerMessage): boolean {
    const request = 'request' in message ? message.request : undefined;
    const pending = request === undefined ? undefined : this.#pending.get(request);
    if (request === undefined || !pending) return false;
    this.#pending.delete(request);
    clearTimeout(pending.timer);
    if (message.type === 'error') pending.reject(CallError.fromServer(message));
    else if (message.type === pending.answer) pending.resolve(message);
    else pending.reject(new CallError('bad_message', `${message.type} for ${pending.answer}`));
    return true;
  }

  rejectAll(error: CallError): void {
    const all = [...this.#pending.values()];
    this.#pending.clear();
    for (const { reject, timer } of all) {
      clearTimeout(timer);
      reject(error);
    }
  }
}
