/**
 * `/call.html?callId=&token=`, where chat applications' front ends open a call: joins
 * it through `/api/calls` and goes on to where it takes place, our own page or a Jitsi's
 * in a frame. Without a token in the address, the one that the front end keeps as
 * `authToken` on this origin.
 */

import './entry.css';
import { Presence } from '../presence';
import { embed } from './jitsi';
import { type Joined, join, leave } from './join';

/** Of this tab, so that it can be reloaded. */
const KEPT = 'convoke.entry.token';

const place = document.querySelector<HTMLElement>('#entry')!;
const query = new URLSearchParams(location.search);
const callId = query.get('callId');
const token =
  query.get('token') ?? localStorage.getItem('authToken') ?? sessionStorage.getItem(KEPT);
const ask = fetch.bind(window);

function enter({ room, elsewhere, block }: Joined): void {
  // In place of this address, which has the token in it.
  if (!elsewhere) return location.replace(block.meetingUrl);
  query.delete('token');
  history.replaceState(null, '', `${location.pathname}?${query}`);
  sessionStorage.setItem(KEPT, token!);
  const presence = new Presence(room, token!, ask, window);
  embed(place, block, () => {
    presence.stop();
    void leave(callId!, token!, ask);
    place.textContent = 'You have left the call.';
    // Where a script opened this window it may close it; else the words stay.
    window.close();
  });
}

join(callId, token, ask).then(enter, (error: Error) => {
  place.setAttribute('role', 'alert');
  place.textContent = error.message;
});
