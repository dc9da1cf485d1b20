/** Which tiles are on the screen, where, and how important each is. Pure. */

import {
  type Area,
  capacity,
  MOST_TILES,
  placeGrid,
  placeSelf,
  placeSpotlight,
  type Rect,
} from './geometry';
import type { TileModel } from './model';

export interface Placed {
  tile: TileModel;
  rect: Rect;
  role: 'grid' | 'main' | 'strip' | 'self';
}

export interface StagePlan {
  placed: Placed[];
  page: number;
  pages: number;
  /** Others that a strip had no room for. */
  unseen: number;
}

export interface Scene {
  you: TileModel | undefined;
  screens: readonly TileModel[];
  /** Everybody else, those to see first. */
  others: readonly TileModel[];
  /** The tile that the user wants large. */
  pinned: string | undefined;
  page: number;
}

/** With so few others, one's own picture is only in the way. */
const FLOATING_SELF_WITH = 1;
const PAGER_HEIGHT = 48;

/** Tiles of others on the first page, for who is brought into view. */
export function visibleOthers(scene: Omit<Scene, 'page'>, area: Area): number {
  if (mainOf(scene)) return placeSpotlight(MOST_TILES, area).strip.length - 1;
  return pageOf(scene, area).perPage - (floats(scene) ? 0 : 1);
}

export function planStage(scene: Scene, area: Area): StagePlan {
  const main = mainOf(scene);
  return main ? spotlight(scene, main, area) : grid(scene, area);
}

function mainOf({ pinned, screens, others }: Omit<Scene, 'page'>): TileModel | undefined {
  return [...screens, ...others].find(({ key }) => key === pinned) ?? screens[0];
}

function floats({ you, others }: Omit<Scene, 'page'>): boolean {
  return you !== undefined && others.length === FLOATING_SELF_WITH;
}

/** What a page holds; the buttons to the next one take their room from it. */
function pageOf({ others }: Omit<Scene, 'page'>, area: Area): { perPage: number; room: Area } {
  const perPage = capacity(area);
  if (others.length < perPage) return { perPage, room: area };
  const room = { width: area.width, height: area.height - PAGER_HEIGHT };
  return { perPage: capacity(room), room };
}

function grid(scene: Scene, area: Area): StagePlan {
  const { you, others } = scene;
  const { perPage, room } = pageOf(scene, area);
  const floating = floats(scene);
  const tiles = [...others];
  // One's own tile closes the first page.
  if (you && !floating) tiles.splice(Math.min(perPage - 1, tiles.length), 0, you);
  const pages = Math.max(1, Math.ceil(tiles.length / perPage));
  const page = Math.min(Math.max(0, scene.page), pages - 1);
  const shown = tiles.slice(page * perPage, (page + 1) * perPage);
  const rects = placeGrid(shown.length, room);
  const placed = shown.map((tile, index): Placed => ({ tile, rect: rects[index]!, role: 'grid' }));
  if (you && floating) placed.push({ tile: you, rect: placeSelf(area), role: 'self' });
  return { placed, page, pages, unseen: 0 };
}

function spotlight(scene: Scene, main: TileModel, area: Area): StagePlan {
  const { you, screens, others } = scene;
  const rest = [...screens, ...others].filter(({ key }) => key !== main.key);
  const strip = you ? [...rest, you] : rest;
  const { main: rect, strip: rects } = placeSpotlight(strip.length, area);
  // The last place is one's own however many there are.
  const shown = strip.slice(0, rects.length);
  if (you && shown.length > 0) shown[shown.length - 1] = you;
  const placed: Placed[] = [
    { tile: main, rect, role: 'main' },
    ...shown.map((tile, index): Placed => ({ tile, rect: rects[index]!, role: 'strip' })),
  ];
  return { placed, page: 0, pages: 1, unseen: strip.length - shown.length };
}
