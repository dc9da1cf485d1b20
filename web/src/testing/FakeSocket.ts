/** A WebSocket with a server at hand: the test reads what was said and answers. */

import type { ClientMessage, Message, ServerMessage } from '../protocol/messages';
import type { WebSocketLike } from '../protocol/SignalSocket';

export class FakeSocket implements WebSocketLike {
  onopen: ((event: never) => void) | null = null;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onclose: ((event: { code: number; reason: string }) => void) | null = null;
  readonly sent: ClientMessage[] = [];
  closed = false;

  send(data: string): void {
    this.sent.push(JSON.parse(data) as ClientMessage);
  }

  close(): void {
    this.closed = true;
  }

  opens(): void {
    this.onopen?.(undefined as never);
  }

  says(message: ServerMessage): void {
    this.onmessage?.({ data: JSON.stringify(message) });
  }

  /** The network or the server ends it. */
  ends(code = 1006, reason = ''): void {
    this.onclose?.({ code, reason });
  }

  sentOf<T extends ClientMessage['type']>(type: T): Extract<ClientMessage, { type: T }>[] {
    return this.sent.filter((message) => message.type === type) as never;
  }
}

/** Every socket that was opened, in order. */
export class FakeServer {
  readonly sockets: FakeSocket[] = [];
  readonly create = (): FakeSocket => {
    const socket = new FakeSocket();
    this.sockets.push(socket);
    return socket;
  };

  get socket(): FakeSocket {
    return this.sockets.at(-1)!;
  }

  welcomes(message: Partial<Message<'welcome'>> = {}): void {
    this.socket.opens();
    this.socket.says(welcome(message));
  }
}

export const welcome = (message: Partial<Message<'welcome'>> = {}): Message<'welcome'> => ({
  type: 'welcome',
  protocol: 1,
  sessionId: 's1',
  resumeToken: 'resume-1',
  resumeWindowSecs: 20,
  pingIntervalSecs: 20,
  resumed: false,
  user: { id: 'u1', name: 'Ada', guest: true },
  iceServers: [],
  limits: { maxParticipants: 50, maxMessageBytes: 262_144, maxSlots: 64 },
  ...message,
});
