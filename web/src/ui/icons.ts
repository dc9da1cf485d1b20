/** Line icons of one family, drawn on a grid of 24. */

const PATHS = {
  mic: 'M12 3a3 3 0 0 0-3 3v5a3 3 0 0 0 6 0V6a3 3 0 0 0-3-3ZM5.5 11a6.5 6.5 0 0 0 13 0M12 17.5V21',
  micOff:
    'M9 9v2a3 3 0 0 0 4.6 2.5M15 11V6a3 3 0 0 0-5.7-1.3M5.5 11a6.5 6.5 0 0 0 10 5.5M18.5 11a6.4 6.4 0 0 1-.6 2.7M12 17.5V21M4 4l16 16',
  camera:
    'M3.5 7.5a2 2 0 0 1 2-2h7a2 2 0 0 1 2 2v9a2 2 0 0 1-2 2h-7a2 2 0 0 1-2-2ZM14.5 11l6-3.5v9l-6-3.5',
  cameraOff:
    'M9 5.5h3.5a2 2 0 0 1 2 2V11l6-3.5v9l-2.6-1.5M14.5 14.5v2a2 2 0 0 1-2 2h-7a2 2 0 0 1-2-2v-9a2 2 0 0 1 1-1.7M4 4l16 16',
  screen:
    'M3.5 6.5a2 2 0 0 1 2-2h13a2 2 0 0 1 2 2v8a2 2 0 0 1-2 2h-13a2 2 0 0 1-2-2ZM9 20h6M12 13.5v-6M9.5 9.5 12 7l2.5 2.5',
  screenOff:
    'M3.5 6.5a2 2 0 0 1 2-2h13a2 2 0 0 1 2 2v8a2 2 0 0 1-2 2h-13a2 2 0 0 1-2-2ZM9 20h6M9.8 8.3l4.4 4.4M14.2 8.3l-4.4 4.4',
  link: 'M10 14a4 4 0 0 0 5.7 0l3.1-3.1a4 4 0 0 0-5.7-5.7L12 6.3M14 10a4 4 0 0 0-5.7 0l-3.1 3.1a4 4 0 0 0 5.7 5.7L12 17.7',
  people:
    'M9 11.5a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7ZM2.5 19.5c.4-3.4 3-5.5 6.5-5.5s6.1 2.1 6.5 5.5M16 5a3.3 3.3 0 0 1 0 6.3M18 14.6c2 .8 3.3 2.5 3.5 4.9',
  settings: 'M4 7.5h9M17 7.5h3M15 5.3v4.4M4 16.5h3M11 16.5h9M9 14.3v4.4',
  leave:
    'M4.2 14.8c-1-1-1.2-2.5-.3-3.6C5.7 9 8.6 7.8 12 7.8s6.3 1.2 8.1 3.4c.9 1.1.7 2.6-.3 3.6l-.5.5c-.4.4-1 .5-1.5.3l-2.6-1.1a1.3 1.3 0 0 1-.8-1.2v-1.5a9.6 9.6 0 0 0-4.8 0v1.5c0 .5-.3 1-.8 1.2l-2.6 1.1c-.5.2-1.1.1-1.5-.3Z',
  pin: 'M9 4h6l-.8 6 3.3 3.5h-11L9.8 10ZM12 13.5V20',
  close: 'M6 6l12 12M18 6 6 18',
  more: 'M6 9.5l6 6 6-6',
  previous: 'M14.5 6l-6 6 6 6',
  next: 'M9.5 6l6 6-6 6',
  sound: 'M4 9.5v5h3.5L12 18.5v-13L7.5 9.5ZM15.5 9a4.2 4.2 0 0 1 0 6M18 6.5a7.8 7.8 0 0 1 0 11',
  plus: 'M12 5v14M5 12h14',
  check: 'M5 12.5l4.5 4.5L19 7.5',
} as const;

export type IconName = keyof typeof PATHS;

const SVG = 'http://www.w3.org/2000/svg';

export function icon(name: IconName): SVGSVGElement {
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('viewBox', '0 0 24 24');
  svg.setAttribute('class', 'icon');
  svg.setAttribute('aria-hidden', 'true');
  const path = document.createElementNS(SVG, 'path');
  path.setAttribute('d', PATHS[name]);
  svg.append(path);
  return svg;
}

/** Turns an icon into another one in place. */
export function setIcon(svg: SVGSVGElement, name: IconName): void {
  svg.firstElementChild?.setAttribute('d', PATHS[name]);
}
