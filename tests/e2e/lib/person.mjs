// A person in a call: what one does on the page, and what one sees and hears, told
// by the browser's own statistics.

import assert from 'node:assert/strict';

import { eventually } from './await.mjs';

/** A 720p camera starts small and grows as the estimate does. */
export const RAMP_MS = 45_000;

export class Person {
  constructor(tab, name) {
    this.tab = tab;
    this.name = name;
  }

  /** Opens the room's link, says a name and enters. */
  static async join(tab, { url, room, name }) {
    await tab.goto(`${url}/r/${room}`);
    const person = new Person(tab, name);
    await person.enter();
    return person;
  }

  /** From the pre-join view into the call. */
  async enter() {
    await this.tab.fill('name-input', this.name);
    await this.tab.click('join-button');
    await eventually(
      `${this.name} is in the call`,
      () => this.tab.tiles(),
      (tiles) => tiles.some(({ you }) => you),
    );
    this.id = await this.ownId();
  }

  async ownId() {
    const tiles = await this.tab.tiles();
    return tiles.find(({ you }) => you)?.participantId;
  }

  /** The tile of somebody's camera or screen; undefined while there is none. */
  async tileOf(person, source = 'camera') {
    const tiles = await this.tab.tiles();
    return tiles.find((tile) => tile.participantId === person.id && tile.source === source);
  }

  /** Waits for a tile to be as wanted. */
  seesTile(person, what, holds, source = 'camera') {
    return eventually(
      `${this.name} sees ${person.name}'s ${source}: ${what}`,
      () => this.tileOf(person, source),
      holds,
    );
  }

  async #pictureOf(person, source) {
    const { video } = await this.tab.stats();
    return video.find((stat) => stat.participantId === person.id && stat.source === source);
  }

  /**
   * Waits until so many pictures of somebody were decoded since the call of this.
   * @param {{source?: string, frames?: number, width?: number, timeoutMs?: number}} [wanted]
   */
  async sees(person, { source = 'camera', frames = 20, width = 1, timeoutMs } = {}) {
    const before = (await this.#pictureOf(person, source))?.frames ?? 0;
    return eventually(
      `${this.name} sees ${frames} more pictures of ${person.name}'s ${source}, ${width} wide`,
      () => this.#pictureOf(person, source),
      // A Slot that is new since then counts from nothing.
      (stat) => stat?.width >= width && (stat.frames >= before + frames || stat.frames < before),
      timeoutMs,
    );
  }

  async heardEnergy() {
    const { audio } = await this.tab.stats();
    return audio.reduce((sum, { energy }) => sum + energy, 0);
  }

  async voicePackets() {
    const { audio } = await this.tab.stats();
    return audio.reduce((sum, { packets }) => sum + packets, 0);
  }

  async #heardFrom(person, source) {
    const { audio } = await this.tab.stats();
    return audio.find((stat) => stat.participantId === person.id && stat.source === source);
  }

  /** Waits until one source of somebody was heard, whatever the others say. */
  async hearsFrom(person, source, timeoutMs) {
    const slot = await eventually(
      `${this.name} has a Slot with ${person.name}'s ${source}`,
      () => this.#heardFrom(person, source),
      (stat) => stat !== undefined,
      timeoutMs,
    );
    return eventually(
      `${this.name} hears ${person.name}'s ${source}`,
      () => this.#heardFrom(person, source),
      (stat) => stat?.mid === slot.mid && stat.energy > slot.energy + 0.0001,
      timeoutMs,
    );
  }

  /** Waits until sound was played that was not there before. */
  async hears(timeoutMs) {
    const before = await this.heardEnergy();
    return eventually(
      `${this.name} hears something`,
      () => this.heardEnergy(),
      (energy) => energy > before + 0.0001,
      timeoutMs,
    );
  }

  async leave() {
    await this.tab.click('leave-button');
    await this.tab.visible('message');
  }
}

/**
 * A stretch of pictures in which nothing froze, by the browser's own count; two cores
 * may need a few tries.
 * @param {{width: number, frames?: number, tries?: number}} wanted
 */
export async function flowsCalmly(viewer, publisher, { width: wanted, frames = 60, tries = 8 }) {
  const froze = [];
  while (froze.length < tries) {
    const { frozenSecs: before } = await viewer.sees(publisher, { frames: 1 });
    const { frozenSecs, width, lost, freezes } = await viewer.sees(publisher, { frames });
    assert.ok(Number.isFinite(frozenSecs), 'this browser counts freezes');
    froze.push(frozenSecs - before);
    console.log(`${frames} pictures, ${width} wide: frozen ${froze.at(-1).toFixed(2)} s; ${freezes} freezes and ${lost} packets lost in all`);
    if (froze.at(-1) < 0.25 && width >= wanted) return;
  }
  assert.fail(`seconds frozen in each ${frames} pictures: ${froze}`);
}

/** Everybody sees and hears everybody else. */
export async function meet(...people) {
  for (const one of people) {
    for (const other of people.filter((person) => person !== one)) await one.sees(other);
    await one.hears();
  }
}
