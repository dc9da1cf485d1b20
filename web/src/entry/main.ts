/**
 * `/call.html?callId=&token=`, where chat applications' front ends open a call: joins
 * it through `/api/calls` and goes on to where it takes place. Without a token in the
 * address, the one that the front end keeps as `authToken` on this origin.
 */

import './entry.css';
import { join } from './join';

const place = document.querySelector<HTMLElement>('#entry');
const query = new URLSearchParams(location.search);
const token = query.get('token') ?? localStorage.getItem('authToken');

join(query.get('callId'), token, fetch.bind(window)).then(
  // In place of this address, which has the token in it.
  (url) => location.replace(url),
  (error: Error) => {
    if (place) {
      place.setAttribute('role', 'alert');
      place.textContent = error.message;
    }
  },
);
