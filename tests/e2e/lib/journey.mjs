// What every file of journeys begins with: a server, browsers, and a picture of
// everything when a journey fails.

import { after, afterEach, before, test } from 'node:test';

import { Browsers } from './browsers.mjs';
import { Server } from './server.mjs';

/**
 * @param {string} name of the file's server log
 * @param {Record<string, string>} [settings]
 * @param {{server?: Server, browsers?: Browsers}} world filled before the first journey
 */
export function journeys(name, settings) {
  const world = { browsers: new Browsers() };
  let rooms = 0;
  before(async () => {
    world.server = await Server.start(name, settings);
  });
  afterEach(() => world.browsers.closeTabs());
  after(async () => {
    await world.browsers.close();
    await world.server?.close();
  });

  /** A test that leaves pictures, consoles and statistics behind when it fails. */
  const journey = (title, body) =>
    test(title, async (context) => {
      rooms += 1;
      const room = `${name}-${rooms}`;
      try {
        await body({ room, url: world.server.url, ...world }, context);
      } catch (error) {
        await world.browsers.record(room);
        throw error;
      }
    });
  return { world, journey };
}
