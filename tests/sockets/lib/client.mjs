// Real Socket.IO clients behind one small interface: socket.io-client in this process,
// python-socketio in one of its own (client.py). A test plays the same call with both.

import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import path from 'node:path';
import { createInterface } from 'node:readline';

const ROOT = path.resolve(import.meta.dirname, '../../..');
const PYTHON = path.join(ROOT, 'target/venv/bin/python');
const { io } = createRequire(path.join(ROOT, 'tests/e2e/package.json'))('socket.io-client');

/** Nothing here takes that long. */
const PATIENCE_MS = 20_000;

/** Which client, and how it travels. */
export const KINDS = ['node websocket', 'node polling', 'python websocket', 'python polling'];

/**
 * A client on `namespace`; rejects with what `connect_error` says.
 * @param {string} kind one of KINDS
 */
export async function connect(kind, url, namespace, auth) {
  const [library, transport] = kind.split(' ');
  const client = library === 'node' ? new NodeClient() : new PythonClient();
  try {
    await patiently(`${kind} connects`, client.open(url, namespace, auth, transport));
    return client;
  } catch (error) {
    await client.close();
    throw error;
  }
}

class Client {
  #heard = [];
  #waiting = [];

  heard(event, payload) {
    const index = this.#waiting.findIndex((waiting) => waiting.event === event);
    if (index === -1) this.#heard.push({ event, payload });
    else this.#waiting.splice(index, 1)[0].resolve(payload);
  }

  /** The next `event` that was not asked for yet, whatever came besides. */
  next(event) {
    const index = this.#heard.findIndex((heard) => heard.event === event);
    if (index !== -1) return Promise.resolve(this.#heard.splice(index, 1)[0].payload);
    const waiting = new Promise((resolve) => this.#waiting.push({ event, resolve }));
    return patiently(`event ${event}`, waiting);
  }

  /** How often `event` came and was not asked for. */
  count(event) {
    return this.#heard.filter((heard) => heard.event === event).length;
  }

  /** Emits and gives the acknowledgement. */
  ask(event, payload) {
    return patiently(`acknowledgement of ${event}`, this.acknowledged(event, payload));
  }
}

class NodeClient extends Client {
  #socket;

  open(url, namespace, auth, transport) {
    const options = { auth, transports: [transport], reconnection: false, forceNew: true };
    this.#socket = io(url + namespace, options);
    this.#socket.onAny((event, payload) => this.heard(event, payload));
    this.#socket.on('disconnect', (reason) => this.heard('disconnect', reason));
    return new Promise((resolve, reject) => {
      this.#socket.once('connect', resolve);
      this.#socket.once('connect_error', reject);
    });
  }

  acknowledged(event, payload) {
    return this.#socket.emitWithAck(event, payload);
  }

  emit(event, payload) {
    this.#socket.emit(event, payload);
  }

  async close() {
    this.#socket.disconnect();
  }
}

class PythonClient extends Client {
  #child;
  #answers = new Map();
  #last = 0;

  async open(url, namespace, auth, transport) {
    const script = path.join(import.meta.dirname, 'client.py');
    this.#child = spawn(PYTHON, [script], { stdio: ['pipe', 'pipe', 'inherit'] });
    createInterface({ input: this.#child.stdout }).on('line', (line) => this.#read(line));
    const opened = await this.#do({ do: 'connect', url, namespace, auth, transport });
    if (opened !== 'connected') throw new Error(opened);
  }

  #read(line) {
    const { answers, result, event, payload } = JSON.parse(line);
    if (answers === undefined) return this.heard(event, payload);
    this.#answers.get(answers)(result);
    return this.#answers.delete(answers);
  }

  #do(command) {
    this.#last += 1;
    const id = this.#last;
    this.#child.stdin.write(`${JSON.stringify({ id, ...command })}\n`);
    return new Promise((resolve) => this.#answers.set(id, resolve));
  }

  acknowledged(event, payload) {
    return this.#do({ do: 'ask', event, payload });
  }

  emit(event, payload) {
    return this.#do({ do: 'emit', event, payload });
  }

  /** Commands of its own, such as `sfu`. */
  command(name, fields) {
    return patiently(name, this.#do({ do: name, ...fields }));
  }

  async close() {
    this.#child.stdin.end();
    this.#child.kill();
  }
}

function patiently(what, promise) {
  let timer;
  const over = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not in time: ${what}`)), PATIENCE_MS);
  });
  return Promise.race([promise, over]).finally(() => clearTimeout(timer));
}
