import { describe, expect, it } from 'vitest';
import { hueOf, initials, nameInToken } from './identity';
import { newRoomName, parseInvitation, roomOfPath, roomPath, tokenOf } from './rooms';

describe('room names', () => {
  it('are three groups of letters that can be read aloud', () => {
    expect(newRoomName()).toMatch(/^[a-hjkmnp-z]{3}-[a-hjkmnp-z]{4}-[a-hjkmnp-z]{3}$/);
    expect(newRoomName()).not.toBe(newRoomName());
  });

  it('skip bytes that would favour some letters', () => {
    let calls = 0;
    const bytes = (array: Uint8Array) => array.fill((calls += 1) === 1 ? 255 : 0);
    expect(newRoomName(bytes)).toBe('aaa-aaaa-aaa');
    expect(calls).toBe(2);
  });

  it.each(['daily', 'Ünïcode raum', 'a/b'])('%s survives the address bar', (room) => {
    expect(roomOfPath(roomPath(room))).toBe(room);
  });

  it.each(['/', '/r/', '/r/a/b', '/rooms/a', '/r/%E0%A4%A'])('%s is no room', (path) => {
    expect(roomOfPath(path)).toBeUndefined();
  });
});

describe('parseInvitation', () => {
  it.each([
    ['daily', { room: 'daily' }],
    ['  Daily Stand Up! ', { room: 'Daily-Stand-Up' }],
    ['r/daily', { room: 'daily' }],
    ['https://calls.example.org/r/daily', { room: 'daily' }],
    ['https://calls.example.org/r/daily#token=a.b.c', { room: 'daily', token: 'a.b.c' }],
    ['https://calls.example.org/r/daily?token=a.b.c', { room: 'daily', token: 'a.b.c' }],
    ['https://calls.example.org/r/daily#jwt=a.b.c', { room: 'daily', token: 'a.b.c' }],
    ['https://calls.example.org/r/daily?jwt=a.b.c', { room: 'daily', token: 'a.b.c' }],
    ['https://calls.example.org/', undefined],
    ['https://', undefined],
    ['   ', undefined],
  ])('%j', (text, invitation) => {
    expect(parseInvitation(text)).toEqual(invitation);
  });
});

describe('tokens', () => {
  it('are found in the fragment before the query', () => {
    expect(tokenOf({ hash: '#token=f', search: '?token=q' })).toBe('f');
    expect(tokenOf({ hash: '#jwt=f', search: '?token=q' })).toBe('f');
    expect(tokenOf({ hash: '#config.prejoin=1', search: '?jwt=q' })).toBe('q');
    expect(tokenOf({ hash: '', search: '?token=&jwt=' })).toBeUndefined();
  });

  it('name their bearer', () => {
    const payload = Buffer.from(JSON.stringify({ name: 'Zoë' })).toString('base64url');
    expect(nameInToken(`h.${payload}.s`)).toBe('Zoë');
  });

  it.each(['', 'a.b', 'h.e30.s', 'h.!!.s', 'h.bnVsbA.s'])('%j names nobody', (token) => {
    expect(nameInToken(token)).toBeUndefined();
  });
});

describe('avatars', () => {
  it.each([
    ['Ada Lovelace', 'AL'],
    ['ada', 'A'],
    ['Jean-Luc van der Berg', 'JB'],
    ['李 小龙', '李小'],
    ['👩‍🚀 Eva', '👩E'],
    ['  ', '?'],
  ])('%j: %s', (name, letters) => {
    expect(initials(name)).toBe(letters);
  });

  it('have one colour each', () => {
    expect(hueOf('user-1')).toBe(hueOf('user-1'));
    expect(hueOf('user-1')).not.toBe(hueOf('user-2'));
    expect(hueOf('user-1')).toBeLessThan(360);
  });
});
