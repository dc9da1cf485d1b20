/**
 * Who is on the first page. Tiles stay where they are, or nobody finds anybody;
 * only who speaks and is out of sight changes places with who was silent longest.
 */

export class SpeakerOrder {
  #order: string[] = [];
  /** Larger is later; 0 never spoke. */
  #spoke = new Map<string, number>();
  #turn = 0;

  /** The ids of `present`, the first `visible` of them being those to see. */
  arrange(present: readonly string[], speaking: readonly string[], visible: number): string[] {
    const here = new Set(present);
    const known = new Set(this.#order);
    this.#order = [
      ...this.#order.filter((id) => here.has(id)),
      ...present.filter((id) => !known.has(id)),
    ];
    this.#turn += 1;
    for (const id of speaking) if (here.has(id)) this.#spoke.set(id, this.#turn);
    for (const id of speaking) this.#bringIntoView(id, visible);
    return [...this.#order];
  }

  #bringIntoView(id: string, visible: number): void {
    const from = this.#order.indexOf(id);
    if (from < visible) return;
    const inView = this.#order.slice(0, visible);
    const quietest = inView.reduce<string | undefined>(
      (quiet, other) =>
        quiet === undefined || this.#lastSpoke(other) < this.#lastSpoke(quiet) ? other : quiet,
      undefined,
    );
    // Everybody in view speaks now as well: leave them.
    if (quietest === undefined || this.#lastSpoke(quietest) === this.#turn) return;
    const to = this.#order.indexOf(quietest);
    this.#order[to] = id;
    this.#order[from] = quietest;
  }

  #lastSpoke(id: string): number {
    return this.#spoke.get(id) ?? 0;
  }
}
