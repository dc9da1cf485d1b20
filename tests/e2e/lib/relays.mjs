// A network that is worse than a namespace's own loopback, between a browser and the
// server: its connections die unsaid.

import { once } from 'node:events';
import { connect, createServer } from 'node:net';

const HOST = '127.0.0.1';

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
