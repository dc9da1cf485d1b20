/**
 * Where tiles go. Pure: from how many there are and how much room there is to
 * rectangles. One picture large with the others beside it, or a grid in which
 * every tile is as large as it can be.
 */

export interface Rect {
  x: number;
  y: number;
  width: number;
  height: number;
}

export interface Area {
  width: number;
  height: number;
}

/** Faces keep a recognizable shape between these (width to height). */
const WIDEST = 16 / 9;
const NARROWEST_LANDSCAPE = 4 / 3;
/** A phone is held upright, and so is a face. */
const NARROWEST_PORTRAIT = 1 / 2;
/** Below this a face is a blur and a name does not fit. */
const SMALLEST: Area = { width: 140, height: 84 };
export const MOST_TILES = 49;
const GAP = 8;
/** On a phone tiles touch nothing they need not. */
const NARROW = 600;
const STRIP_WIDTH = { most: 280, least: 160 };
const STRIP_HEIGHT = 0.24;

export const isPortrait = ({ width, height }: Area): boolean => width < height;
const isNarrow = ({ width }: Area): boolean => width < NARROW;

interface Grid {
  columns: number;
  rows: number;
  tile: Area;
}

function tileIn(cell: Area, narrowest: number): Area {
  const width = Math.min(cell.width, cell.height * WIDEST);
  return { width, height: Math.min(cell.height, width / narrowest) };
}

/** Alone on the page a picture may fill it, whatever its shape. */
const narrowestFor = (count: number, area: Area): number => {
  if (!isPortrait(area)) return NARROWEST_LANDSCAPE;
  return count === 1 ? area.width / area.height : NARROWEST_PORTRAIT;
};

/** The grid with the largest tiles; among equals the one with the fewest gaps. */
export function bestGrid(count: number, area: Area): Grid {
  const narrowest = narrowestFor(count, area);
  let best: Grid = { columns: 1, rows: count, tile: { width: 0, height: 0 } };
  for (let columns = 1; columns <= count; columns += 1) {
    const rows = Math.ceil(count / columns);
    const tile = tileIn(
      {
        width: (area.width - GAP * (columns - 1)) / columns,
        height: (area.height - GAP * (rows - 1)) / rows,
      },
      narrowest,
    );
    const gain = tile.width * tile.height - best.tile.width * best.tile.height;
    if (gain > 1 || (Math.abs(gain) <= 1 && columns * rows < best.columns * best.rows)) {
      best = { columns, rows, tile };
    }
  }
  return best;
}

/** How many tiles fit on one page before they get too small. */
export function capacity(area: Area): number {
  const columns = Math.floor((area.width + GAP) / (SMALLEST.width + GAP));
  const rows = Math.floor((area.height + GAP) / (SMALLEST.height + GAP));
  return Math.min(MOST_TILES, Math.max(1, columns) * Math.max(1, rows));
}

/** Rows in the middle, the last one too when it is short. */
export function placeGrid(count: number, area: Area): Rect[] {
  if (count === 0) return [];
  const { columns, rows, tile } = bestGrid(count, area);
  const top = (area.height - rows * tile.height - (rows - 1) * GAP) / 2;
  return Array.from({ length: count }, (_, index) => {
    const row = Math.floor(index / columns);
    const inRow = Math.min(columns, count - row * columns);
    const left = (area.width - inRow * tile.width - (inRow - 1) * GAP) / 2;
    return {
      x: left + (index % columns) * (tile.width + GAP),
      y: top + row * (tile.height + GAP),
      ...tile,
    };
  });
}

export interface Spotlight {
  main: Rect;
  /** As many as there is room for; fewer than asked, maybe. */
  strip: Rect[];
}

/** A strip beside the large picture, or under it where the screen is upright. */
export function placeSpotlight(others: number, area: Area): Spotlight {
  if (others === 0) return { main: { x: 0, y: 0, ...area }, strip: [] };
  return isPortrait(area) || isNarrow(area) ? stripBelow(others, area) : stripBeside(others, area);
}

function stripBeside(others: number, area: Area): Spotlight {
  // As large as lets everybody in, until that is too small.
  const everybody = ((area.height - GAP * (others - 1)) / others) * WIDEST;
  const width = Math.min(STRIP_WIDTH.most, Math.max(STRIP_WIDTH.least, everybody));
  const height = width / WIDEST;
  const fitting = Math.min(others, Math.max(1, Math.floor((area.height + GAP) / (height + GAP))));
  const top = (area.height - fitting * height - (fitting - 1) * GAP) / 2;
  const main = { x: 0, y: 0, width: area.width - width - GAP, height: area.height };
  const strip = Array.from({ length: fitting }, (_, index) => ({
    x: area.width - width,
    y: top + index * (height + GAP),
    width,
    height,
  }));
  return { main, strip };
}

function stripBelow(others: number, area: Area): Spotlight {
  const height = Math.min(150, Math.max(SMALLEST.height, area.height * STRIP_HEIGHT));
  const width = Math.max(96, Math.min(height * NARROWEST_LANDSCAPE, (area.width - 2 * GAP) / 3));
  const fitting = Math.min(others, Math.max(1, Math.floor((area.width + GAP) / (width + GAP))));
  const left = (area.width - fitting * width - (fitting - 1) * GAP) / 2;
  const main = { x: 0, y: 0, width: area.width, height: area.height - height - GAP };
  const strip = Array.from({ length: fitting }, (_, index) => ({
    x: left + index * (width + GAP),
    y: area.height - height,
    width,
    height,
  }));
  return { main, strip };
}

/** One's own picture over a corner of the other's. */
export function placeSelf(area: Area): Rect {
  const upright = isPortrait(area);
  const width = upright ? Math.min(110, area.width * 0.28) : Math.min(240, area.width * 0.2);
  const height = upright ? width * NARROWEST_LANDSCAPE : width / WIDEST;
  const margin = 12;
  return { x: area.width - width - margin, y: area.height - height - margin, width, height };
}

/**
 * The picture to ask for: cameras are cropped to their tile, so the whole picture
 * has to be larger than it. Rounded, so that a dragged window is not a flood.
 */
export function pictureSize(rect: Rect, pixelRatio: number, cropped: boolean): Area {
  const round = (value: number) => Math.min(4096, Math.ceil((value * pixelRatio) / 16) * 16);
  if (!cropped) return { width: round(rect.width), height: round(rect.height) };
  return {
    width: round(Math.max(rect.width, rect.height * WIDEST)),
    height: round(Math.max(rect.height, rect.width / WIDEST)),
  };
}
