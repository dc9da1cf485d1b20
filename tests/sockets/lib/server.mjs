// The server that the clients connect to: the debug binary on ports of its own, with
// an SQLite database, a secret for user tokens and an API key.

import { spawn } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';

const ROOT = path.resolve(import.meta.dirname, '../../..');
const BINARY = process.env.CONVOKE_BINARY ?? path.join(ROOT, 'target/debug/convoke');
const SECRET = '0123456789abcdef0123456789abcdef';
const API_KEY = 'key-of-the-backend-of-the-tests';
const TOKEN_SECS = 3600;

export class Server {
  #child;

  /** @param {Record<string, string>} env more settings */
  static async start(env = {}) {
    const server = new Server();
    server.dataDir = await mkdtemp(path.join(tmpdir(), 'convoke-sockets-'));
    server.#child = spawn(BINARY, [], {
      cwd: server.dataDir,
      env: {
        PATH: process.env.PATH,
        CONVOKE_HTTP_LISTEN: '127.0.0.1:0',
        CONVOKE_MEDIA_PORT: '0',
        CONVOKE_DATA_DIR: path.join(server.dataDir, 'data'),
        CONVOKE_AUTH_JWT_SECRET: SECRET,
        CONVOKE_API_KEYS: API_KEY,
        CONVOKE_LOG: 'warn',
        ...env,
      },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    server.url = await address(server.#child);
    return server;
  }

  /** What the host application would sign for a user. */
  token(user, claims = {}) {
    const exp = Math.floor(Date.now() / 1000) + TOKEN_SECS;
    const payload = { sub: String(user), name: `User ${user}`, exp, ...claims };
    const parts = [{ alg: 'HS256', typ: 'JWT' }, payload];
    const signed = parts.map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'));
    const head = signed.join('.');
    return `${head}.${createHmac('sha256', SECRET).update(head).digest('base64url')}`;
  }

  /** The answer to a user's request, parsed; one that is refused throws. */
  as(user, method, pathname, body) {
    return this.#ask({ authorization: `Bearer ${this.token(user)}` }, method, pathname, body);
  }

  /** The same for the host application's backend. */
  asBackend(method, pathname, body) {
    return this.#ask({ 'x-api-key': API_KEY }, method, pathname, body);
  }

  async #ask(headers, method, pathname, body) {
    const request = { method, headers };
    if (body !== undefined) {
      headers['content-type'] = 'application/json';
      request.body = JSON.stringify(body);
    }
    const response = await fetch(this.url + pathname, request);
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${pathname}: ${response.status} ${text}`);
    return text === '' ? undefined : JSON.parse(text);
  }

  async close() {
    if (this.#child.exitCode === null) {
      const exited = once(this.#child, 'exit');
      this.#child.kill('SIGKILL');
      await exited;
    }
    await rm(this.dataDir, { recursive: true, force: true });
  }
}

/** What it prints when it listens; the rest is read and dropped, so that it never blocks. */
function address(child) {
  return new Promise((resolve, reject) => {
    const lines = createInterface({ input: child.stdout });
    lines.on('line', (line) => {
      const url = line.match(/http:\/\/[\d.]+:\d+/);
      if (url) resolve(url[0]);
    });
    child.once('exit', (code) => reject(new Error(`the server ended with ${code}`)));
  });
}
