/**
 * One `info` for each step in the life of a call, `debug` for the rest. Never a
 * token, an SDP or an address: people paste their consoles into bug reports.
 */

export interface Logger {
  debug(message: string, fields?: Record<string, unknown>): void;
  info(message: string, fields?: Record<string, unknown>): void;
  warn(message: string, fields?: Record<string, unknown>): void;
}

export const silentLogger: Logger = { debug() {}, info() {}, warn() {} };

export const consoleLogger: Logger = {
  debug: (message, fields) => console.debug(`[convoke] ${message}`, fields ?? ''),
  info: (message, fields) => console.info(`[convoke] ${message}`, fields ?? ''),
  warn: (message, fields) => console.warn(`[convoke] ${message}`, fields ?? ''),
};
