// Networks that are worse than a namespace's own loopback, between a browser and the
// server: one that loses and delays media, and one on which connections die unsaid.
// Relays do both on any kernel; netem and nft are not on every machine.

import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';

const HOST = '127.0.0.1';

/** The same losses in every run (mulberry32). */
function dice(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** UDP, with a delay and a share that is lost, each way. A client is an address. */
export class LossyPath {
  #socket = createSocket('udp4');
  #upstream = new Map();
  #random = dice(1);
  carried = 0;
  lost = 0;

  constructor({ delayMs, loss }, serverPort) {
    this.delayMs = delayMs;
    this.loss = loss;
    this.#socket.on('message', (packet, { port, address }) => {
      const to = this.#upstream.get(port) ?? this.#open(port, address, serverPort);
      this.#carry(() => to.send(packet, serverPort, HOST));
    });
  }

  static async start(conditions, serverPort = 3478) {
    const path = new LossyPath(conditions, serverPort);
    path.#socket.bind(0, HOST);
    await once(path.#socket, 'listening');
    return path;
  }

  get port() {
    return this.#socket.address().port;
  }

  close() {
    for (const socket of [this.#socket, ...this.#upstream.values()]) socket.close();
  }

  #open(port, address) {
    const socket = createSocket('udp4');
    socket.on('message', (packet) => this.#carry(() => this.#socket.send(packet, port, address)));
    this.#upstream.set(port, socket);
    return socket;
  }

  #carry(send) {
    this.carried += 1;
    if (this.#random() < this.loss) {
      this.lost += 1;
      return;
    }
    const late = () => {
      try {
        send();
      } catch {
        // Closed meanwhile: the test is over.
      }
    };
    setTimeout(late, this.delayMs);
  }
}

/** TCP, whose connections can fall silent: nobody is told, neither end is closed. */
export class DeadEnds {
  #server;
  #pairs = new Set();

  static async start(serverPort = 8080) {
    const ends = new DeadEnds();
    ends.#server = createServer((client) => ends.#join(client, connect(serverPort, HOST)));
    ends.#server.listen(0, HOST);
    await once(ends.#server, 'listening');
    return ends;
  }

  get url() {
    return `http://${HOST}:${this.#server.address().port}`;
  }

  /** Everything that is open now carries nothing any more; what comes later does. */
  silence() {
    for (const pair of this.#pairs) {
      for (const socket of pair) {
        socket.unpipe();
        // Read on, so that neither end finds its buffer full.
        socket.resume();
        socket.silent = true;
      }
    }
    return this.#pairs.size;
  }

  close() {
    for (const pair of this.#pairs) for (const socket of pair) socket.destroy();
    this.#server.close();
  }

  #join(client, server) {
    const pair = [client, server];
    this.#pairs.add(pair);
    for (const [from, to] of [pair, [server, client]]) {
      from.pipe(to, { end: false });
      from.on('error', () => {});
      from.on('close', () => {
        if (!from.silent) to.destroy();
        if (pair.every(({ destroyed }) => destroyed)) this.#pairs.delete(pair);
      });
      from.on('end', () => !from.silent && to.end());
    }
  }
}
