import { describe, expect, it } from 'vitest';
import { SpeakerOrder } from './order';
import type { TileModel } from './model';
import { planStage, type Scene, type StagePlan, visibleOthers } from './plan';

const desktop = { width: 1416, height: 812 };
const phone = { width: 374, height: 760 };

const tile = (participantId: string, source: TileModel['source'] = 'camera'): TileModel => ({
  key: `${participantId}/${source}`,
  participantId,
  userId: participantId,
  source,
  name: participantId,
  avatarUrl: undefined,
  isYou: participantId === 'you',
  video: true,
  muted: false,
  speaking: false,
  reconnecting: false,
  undecodable: false,
  withheld: false,
});
const people = (count: number) => Array.from({ length: count }, (_, index) => tile(`p${index}`));
const scene = (others: number, more: Partial<Scene> = {}): Scene => ({
  you: tile('you'),
  screens: [],
  others: people(others),
  pinned: undefined,
  page: 0,
  ...more,
});
const roles = (plan: StagePlan) => plan.placed.map(({ tile, role }) => `${role} ${tile.key}`);
const shown = (plan: StagePlan) => plan.placed.map(({ tile }) => tile.participantId);

describe('the grid', () => {
  it('has only oneself when nobody else is there', () => {
    expect(roles(planStage(scene(0), desktop))).toEqual(['grid you/camera']);
  });

  it.each([desktop, phone])('floats oneself over the only other', (area) => {
    expect(roles(planStage(scene(1), area))).toEqual(['grid p0/camera', 'self you/camera']);
  });

  it('holds 49 people on a desktop, oneself last', () => {
    const plan = planStage(scene(48), desktop);
    expect(plan).toMatchObject({ pages: 1, unseen: 0 });
    expect(shown(plan)).toHaveLength(49);
    expect(shown(plan).at(-1)).toBe('you');
  });

  it('turns pages on a phone, and shows everybody on one of them once', () => {
    const first = planStage(scene(48), phone);
    const all = Array.from({ length: first.pages }, (_, page) =>
      shown(planStage(scene(48, { page }), phone)),
    ).flat();
    expect(first.pages).toBeGreaterThan(1);
    expect(new Set(all).size).toBe(49);
    expect(all).toHaveLength(49);
    expect(shown(first)).toContain('you');
  });

  it('goes back to the last page that there is when people leave', () => {
    expect(planStage(scene(2, { page: 3 }), phone).page).toBe(0);
  });
});

describe('the spotlight', () => {
  const screens = [tile('p1', 'screen')];

  it('is on a shared screen, with oneself always in the strip', () => {
    const plan = planStage(scene(48, { screens }), phone);
    expect(roles(plan)[0]).toBe('main p1/screen');
    expect(shown(plan).at(-1)).toBe('you');
    expect(plan.unseen).toBe(49 - (plan.placed.length - 1));
  });

  it('is on whom the user pinned, before a screen', () => {
    const plan = planStage(scene(4, { screens, pinned: 'p2/camera' }), desktop);
    expect(roles(plan).slice(0, 2)).toEqual(['main p2/camera', 'strip p1/screen']);
  });

  it('ends with who was in it', () => {
    expect(roles(planStage(scene(2, { pinned: 'gone/camera' }), desktop))[0]).toBe(
      'grid p0/camera',
    );
  });
});

describe('who is in view', () => {
  const ids = people(6).map(({ key }) => key);

  it('does not change places without need', () => {
    const order = new SpeakerOrder();
    expect(order.arrange(ids, [], 3)).toEqual(ids);
    expect(order.arrange(ids, [ids[2]!], 3)).toEqual(ids);
    expect(order.arrange([...ids].reverse(), [], 3)).toEqual(ids);
  });

  it('lets who speaks out of sight take the place of the quietest', () => {
    const order = new SpeakerOrder();
    order.arrange(ids, [ids[0]!], 3);
    order.arrange(ids, [ids[1]!], 3);
    expect(order.arrange(ids, [ids[5]!], 3).slice(0, 3)).toEqual([ids[0], ids[1], ids[5]]);
    expect(order.arrange(ids, [ids[4]!], 3).slice(0, 3)).toEqual([ids[4], ids[1], ids[5]]);
  });

  it('leaves those who speak at the same time', () => {
    const order = new SpeakerOrder();
    expect(order.arrange(ids, [ids[0]!, ids[5]!], 1)[0]).toBe(ids[0]);
  });

  it('forgets who left and appends who came', () => {
    const order = new SpeakerOrder();
    order.arrange(['a', 'b', 'c'], [], 3);
    expect(order.arrange(['c', 'd', 'a'], [], 3)).toEqual(['a', 'c', 'd']);
  });

  it.each([
    ['a phone', phone],
    ['a desktop', desktop],
  ])('fits on the first page of %s', (_, area) => {
    for (const screens of [[], [tile('p1', 'screen')]]) {
      const many = scene(60, { screens });
      const cameras = planStage(many, area).placed.filter(({ tile }) => tile.source === 'camera');
      expect(cameras.length - 1).toBe(visibleOthers(many, area));
    }
  });
});
