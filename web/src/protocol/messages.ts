/**
 * The signaling protocol. Its types are generated from the server's own
 * (docs/protocol.md is the reference); nothing may be added to them here.
 */

import type { ServerMessage } from './generated/messages';

export * from './generated/messages';

/** One message of the server's, by its type. */
export type Message<T extends ServerMessage['type']> = Extract<ServerMessage, { type: T }>;
