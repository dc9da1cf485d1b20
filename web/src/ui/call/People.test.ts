import { beforeEach, describe, expect, it } from 'vitest';
import { type CallState, initialState } from '../../call/state';
import { fake, openFakePage } from '../../testing/FakePage';
import { participant, withTracks } from '../../testing/values';
import { People } from './People';

let page: ReturnType<typeof openFakePage>;
beforeEach(() => {
  page = openFakePage();
});

const state = (more: Partial<CallState> = {}): CallState => ({
  ...initialState,
  you: participant('you'),
  participants: [participant('p1'), withTracks('p2', 'screen')],
  ...more,
});

function opened() {
  const people = new People(() => undefined);
  const opener = page.createElement('button');
  const setOpen = (open: boolean) => people.setOpen(open, opener as unknown as HTMLElement);
  setOpen(true);
  people.render(state());
  const rows = () => fake(people.element).all('li');
  const names = () => rows().map((row) => row.all('span').at(-1)!.textContent);
  const speaking = () => rows().map((row) => row.getAttribute('data-speaking'));
  return { people, opener, setOpen, rows, names, speaking };
}

describe('the list of people', () => {
  it('has everybody, oneself first', () => {
    const { people, names } = opened();
    expect(names()).toEqual(['Name of youYou', 'Name of p1', 'Name of p2Sharing the screen']);
    expect(fake(people.element).all('h2')[0]!.textContent).toBe('In the call (3)');
  });

  it('marks who speaks and makes nothing anew for it', () => {
    const { people, rows, speaking } = opened();
    const before = rows();
    const inside = before.map(({ children }) => children);
    people.render(state({ speakers: [{ participantId: 'p1', level: 0.5 } as never] }));
    expect(speaking()).toEqual(['false', 'true', 'false']);
    people.render(state());
    expect(speaking()).toEqual(['false', 'false', 'false']);
    expect(rows()).toEqual(before);
    rows().forEach((row, at) => {
      expect(row).toBe(before[at]);
      expect(row.children).toBe(inside[at]);
    });
  });

  it('keeps the rows of who stays, in the order of joining', () => {
    const { people, rows, names } = opened();
    const [you, , last] = rows();
    people.render(state({ participants: [participant('p3'), withTracks('p2', 'screen')] }));
    expect(names()).toEqual(['Name of youYou', 'Name of p3', 'Name of p2Sharing the screen']);
    expect(rows()[0]).toBe(you);
    expect(rows()[2]).toBe(last);
    people.render(state({ participants: [participant('p2')] }));
    expect(names()).toEqual(['Name of youYou', 'Name of p2']);
    expect(rows()[1]).toBe(last);
  });

  it('gives the focus back to what opened it', () => {
    const { people, opener, setOpen } = opened();
    fake(people.element).all('button')[0]!.focus();
    setOpen(false);
    expect(page.activeElement).toBe(opener);
  });

  it('takes no focus that is elsewhere', () => {
    const { setOpen } = opened();
    const elsewhere = page.createElement('input');
    elsewhere.focus();
    setOpen(false);
    expect(page.activeElement).toBe(elsewhere);
  });
});
