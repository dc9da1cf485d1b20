// The server under test: the binary that was built, on fixed ports of the
// namespace that scripts/e2e.sh made, with a data directory of its own.

import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { mkdtemp, mkdir, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

import { eventually } from './await.mjs';

const ROOT = path.resolve(import.meta.dirname, '../../..');
export const OUTPUT = path.join(ROOT, 'target/e2e');
const BINARY = process.env.CONVOKE_BINARY ?? path.join(ROOT, 'target/debug/convoke');
const LISTEN = '127.0.0.1:8080';

export class Server {
  #env;
  #child;
  #log;
  #token;

  /** @param {Record<string, string>} env more `CONVOKE_*` settings */
  static async start(name, env = {}) {
    const server = new Server();
    await mkdir(OUTPUT, { recursive: true });
    server.dataDir = await mkdtemp(path.join(tmpdir(), 'convoke-e2e-'));
    server.#log = createWriteStream(path.join(OUTPUT, `server-${name}.log`));
    server.#env = {
      PATH: process.env.PATH,
      CONVOKE_HTTP_LISTEN: LISTEN,
      CONVOKE_DATA_DIR: path.join(server.dataDir, 'data'),
      CONVOKE_LOG: 'info,convoke=debug,convoke_signaling=debug,convoke_media=debug',
      ...env,
    };
    server.url = `http://${server.#env.CONVOKE_HTTP_LISTEN}`;
    await server.run();
    return server;
  }

  /** Starts the process, again after `kill` or `stop`, on the same data. */
  async run() {
    const child = spawn(BINARY, [], {
      cwd: this.dataDir,
      env: this.#env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    child.stdout.pipe(this.#log, { end: false });
    child.stderr.pipe(this.#log, { end: false });
    this.#child = child;
    const ready = async () => {
      if (child.exitCode !== null) return { exitCode: child.exitCode };
      return { status: (await fetch(`${this.url}/readyz`)).status };
    };
    const seen = await eventually('the server is ready', ready, ({ status, exitCode }) => {
      return status === 200 || exitCode !== undefined;
    });
    if (seen.exitCode !== undefined) {
      throw new Error(`the server ended with ${seen.exitCode}; its log is in ${OUTPUT}`);
    }
  }

  /** @param {NodeJS.Signals} signal @returns {Promise<number | null>} its exit code */
  async #end(signal) {
    const child = this.#child;
    if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
    const exited = once(child, 'exit');
    child.kill(signal);
    const [code] = await exited;
    return code;
  }

  /** As a crash: nothing is said, nothing is written. */
  kill() {
    return this.#end('SIGKILL');
  }

  stop() {
    return this.#end('SIGTERM');
  }

  async close() {
    await this.#end('SIGKILL');
    this.#log.end();
    await rm(this.dataDir, { recursive: true, force: true });
  }

  /** Milliseconds that each media worker's thread was on a processor so far. */
  async workerMillis() {
    const threads = `/proc/${this.#child.pid}/task`;
    const read = (id, file) => readFile(path.join(threads, id, file), 'utf8');
    const busy = {};
    for (const id of await readdir(threads)) {
      const name = (await read(id, 'comm')).trim();
      if (!name.startsWith('convoke-media-')) continue;
      const [nanos] = (await read(id, 'schedstat')).split(' ');
      busy[name] = Number(nanos) / 1e6;
    }
    return busy;
  }

  /** The link that `convoke token` prints. */
  async invite(...flags) {
    const options = { cwd: this.dataDir, env: this.#env };
    const { stdout } = await promisify(execFile)(BINARY, ['token', ...flags], options);
    return stdout.match(/https?:\S+/)[0];
  }

  /** GET of the API, parsed, as a moderator of every room. */
  async get(pathname) {
    if (!this.#token) {
      const link = await this.invite('--user', 'auditor', '--name', 'Auditor', '--moderator');
      this.#token = link.split('token=')[1];
    }
    const headers = { authorization: `Bearer ${this.#token}` };
    const response = await fetch(this.url + pathname, { headers });
    if (!response.ok) throw new Error(`${pathname}: ${response.status} ${await response.text()}`);
    return response.json();
  }
}
