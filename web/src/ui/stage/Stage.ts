/**
 * The tiles of a call: keeps an element for each that is on the screen, moves
 * them where the plan says, and asks the call for pictures of that size.
 */

import type { CallState } from '../../call/state';
import type { LocalMedia } from '../../rtc/LocalMedia';
import type { TileWish } from '../../rtc/slots';
import type { TrackSource } from '../../protocol/messages';
import { h, setAttribute, setHidden, setText, type View } from '../dom';
import { icon } from '../icons';
import { type Area, pictureSize } from './geometry';
import { cameraTiles, screenTiles, type TileModel, yourTile } from './model';
import { SpeakerOrder } from './order';
import { type Placed, planStage, type StagePlan, visibleOthers } from './plan';
import { Tile } from './Tile';

/** Of the Call, what a stage needs. */
export interface StageCall {
  readonly state: CallState;
  readonly media: Pick<LocalMedia, 'state'>;
  streamOf(participantId: string, source: TrackSource): MediaStream | undefined;
  show(tiles: readonly TileWish[]): void;
}

/** While a window is dragged or people come in, wishes would change with each frame. */
const WISH_DELAY_MS = 150;
const SWIPE_PX = 50;
const PRIORITY = { main: 200, speaker: 120, other: 60 };

export class Stage implements View {
  readonly element: HTMLElement;
  #tiles = new Map<string, Tile>();
  #tileHost = h('div', { class: 'stage-tiles' });
  #unseen = h('div', { class: 'stage-unseen' });
  #pageLabel = h('span', { class: 'page-label' });
  #pager: HTMLElement;
  #order = new SpeakerOrder();
  #area: Area = { width: 0, height: 0 };
  #page = 0;
  #pinned: string | undefined;
  #plan: StagePlan = { placed: [], page: 0, pages: 1, unseen: 0 };
  #wishTimer: ReturnType<typeof setTimeout> | undefined;
  #observer: ResizeObserver;
  #stop = new AbortController();

  constructor(private readonly call: StageCall) {
    this.#pager = h(
      'nav',
      { class: 'pager', 'aria-label': 'Pages of participants' },
      this.#pageButton('previous', -1),
      this.#pageLabel,
      this.#pageButton('next', 1),
    );
    this.element = h(
      'section',
      { class: 'stage', 'aria-label': 'Participants' },
      this.#tileHost,
      this.#unseen,
      this.#pager,
    );
    this.#observer = new ResizeObserver(() => this.#resized());
    this.#observer.observe(this.#tileHost);
    this.#listenForSwipes();
    document.addEventListener('visibilitychange', () => this.#wishSoon(), {
      signal: this.#stop.signal,
    });
  }

  render(): void {
    const { state, media } = this.call;
    if (this.#area.width === 0) return;
    const scene = {
      you: yourTile(state, media),
      screens: screenTiles(state),
      others: cameraTiles(state),
      pinned: this.#pinned,
      page: this.#page,
    };
    const others = this.#arrange(scene.others, visibleOthers(scene, this.#area));
    this.#plan = planStage({ ...scene, others }, this.#area);
    this.#page = this.#plan.page;
    this.#renderTiles(this.#plan.placed);
    this.#renderPager(this.#plan);
    this.#wishSoon();
  }

  destroy(): void {
    clearTimeout(this.#wishTimer);
    this.#stop.abort();
    this.#observer.disconnect();
    for (const tile of this.#tiles.values()) tile.destroy();
  }

  #arrange(tiles: readonly TileModel[], visible: number): TileModel[] {
    const byKey = new Map(tiles.map((tile) => [tile.key, tile]));
    const speaking = tiles.filter((tile) => tile.speaking).map(({ key }) => key);
    return this.#order
      .arrange([...byKey.keys()], speaking, visible)
      .flatMap((key) => byKey.get(key) ?? []);
  }

  #renderTiles(placed: readonly Placed[]): void {
    const shown = new Set(placed.map(({ tile }) => tile.key));
    for (const [key, tile] of this.#tiles) {
      if (shown.has(key)) continue;
      tile.destroy();
      this.#tiles.delete(key);
    }
    for (const place of placed) {
      const { key, participantId, source } = place.tile;
      const tile = this.#tiles.get(key) ?? this.#addTile(place.tile);
      tile.place(place, this.#pinned === key);
      tile.update(place.tile, this.call.streamOf(participantId, source));
    }
    setAttribute(this.#tileHost, 'data-count', String(placed.length));
  }

  #addTile(model: TileModel): Tile {
    const tile = new Tile(model, (key) => this.#togglePin(key));
    this.#tiles.set(model.key, tile);
    this.#tileHost.append(tile.element);
    return tile;
  }

  #togglePin(key: string): void {
    this.#pinned = this.#pinned === key ? undefined : key;
    this.render();
  }

  #renderPager({ page, pages, unseen }: StagePlan): void {
    setHidden(this.#pager, pages < 2);
    setText(this.#pageLabel, `${page + 1} / ${pages}`);
    setHidden(this.#unseen, unseen === 0);
    setText(this.#unseen, `+${unseen}`);
  }

  #pageButton(which: 'previous' | 'next', step: number): HTMLElement {
    const label = which === 'next' ? 'Next page' : 'Previous page';
    const onclick = () => this.#turn(step);
    return h('button', { type: 'button', 'aria-label': label, onclick }, icon(which));
  }

  #turn(step: number): void {
    this.#page = Math.min(Math.max(0, this.#page + step), this.#plan.pages - 1);
    this.render();
  }

  #listenForSwipes(): void {
    let from: number | undefined;
    this.#tileHost.addEventListener(
      'touchstart',
      ({ touches }) => {
        from = touches.length === 1 ? touches[0]!.clientX : undefined;
      },
      { passive: true },
    );
    this.#tileHost.addEventListener(
      'touchend',
      ({ changedTouches }) => {
        const moved = from === undefined ? 0 : changedTouches[0]!.clientX - from;
        if (Math.abs(moved) > SWIPE_PX) this.#turn(moved < 0 ? 1 : -1);
      },
      { passive: true },
    );
  }

  #resized(): void {
    const { clientWidth: width, clientHeight: height } = this.#tileHost;
    this.#area = { width, height };
    this.render();
  }

  #wishSoon(): void {
    clearTimeout(this.#wishTimer);
    this.#wishTimer = setTimeout(() => this.call.show(this.#wishes()), WISH_DELAY_MS);
  }

  /** A page that nobody looks at asks for nothing, and keeps its Slots. */
  #wishes(): TileWish[] {
    const hidden = document.visibilityState === 'hidden';
    const wanted = this.#plan.placed.filter(({ tile }) => !tile.isYou);
    return wanted.map(({ tile, rect, role }) => ({
      participantId: tile.participantId,
      source: tile.source,
      ...(hidden
        ? { width: 0, height: 0 }
        : pictureSize(rect, devicePixelRatio, tile.source === 'camera')),
      priority: role === 'main' ? PRIORITY.main : tile.speaking ? PRIORITY.speaker : PRIORITY.other,
    }));
  }
}
