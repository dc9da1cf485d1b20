import { describe, expect, it } from 'vitest';
import {
  type Area,
  bestGrid,
  capacity,
  pictureSize,
  placeGrid,
  placeSelf,
  placeSpotlight,
  type Rect,
} from './geometry';

const desktop: Area = { width: 1416, height: 812 };
const phone: Area = { width: 374, height: 760 };
const COUNTS = Array.from({ length: 49 }, (_, index) => index + 1);

const inside = ({ x, y, width, height }: Rect, area: Area) =>
  x >= -0.01 && y >= -0.01 && x + width <= area.width + 0.01 && y + height <= area.height + 0.01;
const overlap = (a: Rect, b: Rect) =>
  a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;

describe('bestGrid', () => {
  it.each([
    [1, 1, 1],
    [2, 2, 1],
    [3, 2, 2],
    [4, 2, 2],
    [5, 3, 2],
    [9, 3, 3],
    [10, 4, 3],
    [16, 4, 4],
    [25, 5, 5],
    [36, 6, 6],
    [49, 7, 7],
  ])('desktop: %i tiles in %i columns and %i rows', (count, columns, rows) => {
    expect(bestGrid(count, desktop)).toMatchObject({ columns, rows });
  });

  it.each([
    [1, 1, 1],
    [2, 1, 2],
    [4, 2, 2],
    [6, 2, 3],
    [8, 2, 4],
  ])('phone: %i tiles in %i columns and %i rows', (count, columns, rows) => {
    expect(bestGrid(count, phone)).toMatchObject({ columns, rows });
  });
});

describe('placeGrid', () => {
  it.each([
    ['desktop', desktop],
    ['phone', phone],
    ['wide', { width: 2500, height: 700 }],
    ['square', { width: 700, height: 700 }],
  ])('%s: every tile is on the screen and none on another', (_, area) => {
    for (const count of COUNTS) {
      const rects = placeGrid(count, area);
      expect(rects).toHaveLength(count);
      expect(rects.every((rect) => inside(rect, area))).toBe(true);
      const clash = rects.some((a, i) => rects.some((b, j) => i < j && overlap(a, b)));
      expect(clash).toBe(false);
    }
  });

  it('fills a phone with one picture', () => {
    expect(placeGrid(1, phone)[0]).toMatchObject(phone);
  });
});

describe('capacity', () => {
  it.each([
    ['desktop holds everybody', desktop, 49],
    ['phone turns pages', phone, 16],
    ['a slit still shows one', { width: 100, height: 50 }, 1],
  ])('%s', (_, area, tiles) => {
    expect(capacity(area)).toBe(tiles);
  });
});

describe('placeSpotlight', () => {
  it.each([
    ['desktop', desktop],
    ['phone', phone],
  ])('%s: a large picture and a strip that does not cover it', (_, area) => {
    for (const others of [0, 1, 3, 8, 48]) {
      const { main, strip } = placeSpotlight(others, area);
      expect(inside(main, area)).toBe(true);
      expect(strip.every((rect) => inside(rect, area) && !overlap(rect, main))).toBe(true);
      expect(strip.every((rect) => rect.width < main.width)).toBe(true);
      expect(strip.length).toBe(others === 0 ? 0 : Math.min(others, strip.length));
      expect(strip.length > 0).toBe(others > 0);
    }
  });
});

describe('placeSelf', () => {
  it.each([desktop, phone])('stays in a corner', (area) => {
    const rect = placeSelf(area);
    expect(inside(rect, area)).toBe(true);
    expect(rect.width * rect.height).toBeLessThan(area.width * area.height * 0.1);
  });
});

describe('pictureSize', () => {
  it('asks for the whole picture that a cropped tile is cut from', () => {
    expect(pictureSize({ x: 0, y: 0, width: 180, height: 180 }, 1, true)).toEqual({
      width: 320,
      height: 192,
    });
  });

  it('counts physical pixels', () => {
    expect(pictureSize({ x: 0, y: 0, width: 320, height: 180 }, 2, false)).toEqual({
      width: 640,
      height: 368,
    });
  });

  it('does not change with every pixel of a drag', () => {
    const at = (width: number) => pictureSize({ x: 0, y: 0, width, height: 100 }, 1, false);
    expect(at(305)).toEqual(at(320));
  });
});
