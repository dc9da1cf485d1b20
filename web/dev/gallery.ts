/**
 * The call page with made-up people, to look at layouts without a server:
 * `npm run dev`, then /dev/gallery.html?people=9&screen=1&state=reconnecting
 * or ?people=9&strain=fewer_pictures&pictures=4.
 * Not part of the build.
 */

import '../src/ui/styles/base.css';
import '../src/ui/styles/pages.css';
import '../src/ui/styles/call.css';
import '../src/ui/styles/tile.css';
import type { Phase } from '../src/call/state';
import { initialState } from '../src/call/state';
import { Emitter } from '../src/emitter';
import type { ParticipantInfo, SlotAssignment, Strain, TrackInfo } from '../src/protocol/messages';
import { type CallLike, CallView } from '../src/ui/views/call';
import { messageView } from '../src/ui/views/message';
import { CallError } from '../src/errors';
import { failureMessage } from '../src/ui/words';

const NAMES = [
  'Ada Lovelace',
  'Noor Haddad',
  'Jonas Weber',
  'Mei Lin',
  'Tomás Ruiz',
  'Priya Raman',
  'Léa Fournier',
  'Kwame Mensah',
  'Ingrid Solberg',
  'Yuki Tanaka',
  'Sam Okafor',
  'Olga Petrova',
  'Aleksander Wiśniewski-Brzęczyszczykiewicz',
  'Zoë',
  'Mateo Silva',
  'Hana Kim',
];
const query = new URLSearchParams(location.search);
const people = Number(query.get('people') ?? 9);

function track(source: TrackInfo['source'], muted = false): TrackInfo {
  return { source, muted };
}

function person(index: number): ParticipantInfo {
  const tracks = [track('microphone', index % 3 === 1)];
  if (index % 4 !== 3 && query.get('video') !== '0') tracks.push(track('camera'));
  if (index === 1 && query.get('screen') === '1') tracks.push(track('screen'));
  return {
    id: `p${index}`,
    userId: `user-${index * 7}`,
    name: NAMES[index % NAMES.length]!,
    role: index === 0 ? 'host' : 'participant',
    connection: index === 4 ? 'reconnecting' : 'connected',
    tracks,
    joinedAt: index,
  };
}

/** A head and shoulders before a wall, moving a little. */
function portrait(index: number): MediaStream {
  const canvas = document.createElement('canvas');
  canvas.width = 640;
  canvas.height = 360;
  const pen = canvas.getContext('2d')!;
  const hue = (index * 67) % 360;
  const draw = (time: number) => {
    const wall = pen.createLinearGradient(0, 0, 640, 360);
    wall.addColorStop(0, `hsl(${hue} 24% 72%)`);
    wall.addColorStop(1, `hsl(${hue + 30} 22% 46%)`);
    pen.fillStyle = wall;
    pen.fillRect(0, 0, 640, 360);
    const sway = Math.sin(time / 900 + index) * 6;
    pen.fillStyle = `hsl(${hue + 160} 32% 34%)`;
    pen.beginPath();
    pen.ellipse(320 + sway, 400, 170, 150, 0, 0, 7);
    pen.fill();
    pen.fillStyle = `hsl(${22 + (index % 3) * 6} ${38 + (index % 2) * 10}% ${40 + (index % 5) * 8}%)`;
    pen.beginPath();
    pen.ellipse(320 + sway, 180, 72, 92, 0, 0, 7);
    pen.fill();
    pen.fillStyle = `hsl(${(index * 31) % 60} 25% ${15 + (index % 4) * 9}%)`;
    pen.beginPath();
    pen.ellipse(320 + sway, 128, 80, 58, 0, Math.PI, 0);
    pen.fill();
  };
  draw(0);
  setInterval(() => draw(performance.now()), 100);
  return canvas.captureStream(10);
}

function slides(): MediaStream {
  const canvas = document.createElement('canvas');
  canvas.width = 1280;
  canvas.height = 720;
  const pen = canvas.getContext('2d')!;
  const draw = () => {
    pen.fillStyle = '#fbfaf7';
    pen.fillRect(0, 0, 1280, 720);
    pen.fillStyle = '#22303a';
    pen.font = '600 54px sans-serif';
    pen.fillText('Third quarter', 90, 150);
    [320, 420, 290, 520, 610].forEach((width, row) => {
      pen.fillStyle = ['#12685e', '#3f8f84', '#7fb5ad', '#c2362b', '#d98b3a'][row]!;
      pen.fillRect(90, 220 + row * 86, width * 1.6, 50);
    });
  };
  draw();
  setInterval(draw, 200);
  return canvas.captureStream(5);
}

const streams = new Map<string, MediaStream>();
const streamFor = (key: string, make: () => MediaStream) => {
  const stream = streams.get(key) ?? make();
  streams.set(key, stream);
  return stream;
};

/** Slots of all pictures but the first few, which a busy server keeps back. */
function withheld(from: number): Map<string, SlotAssignment> {
  const sources = ['screen', 'camera'] as const;
  const pictures = everyone.slice(1).flatMap(({ id, tracks }) =>
    sources
      .filter((source) => tracks.some((track) => track.source === source))
      .map((source) => ({ participantId: id, source, state: 'withheld' }) as const),
  );
  return new Map(pictures.slice(from).map((slot, at) => [`${at}`, { mid: `${at}`, ...slot }]));
}

const everyone = Array.from({ length: people }, (_, index) => person(index));
const name = (query.get('state') ?? 'joined') as Phase['name'];
const you = { ...everyone[0]!, role: 'host' as const };
const live = new Set(['microphone', ...(query.get('camera') === '0' ? [] : ['camera'])]);
const strain = (query.get('strain') ?? 'none') as Strain;
const slots = withheld(Number(query.get('pictures') ?? Number.POSITIVE_INFINITY));
const media = Object.assign(new Emitter(), {
  state: (source: string) => (live.has(source) ? 'live' : 'off'),
  error: () => undefined,
  track: () => undefined,
  deviceId: () => undefined,
  setMicrophone: async () => undefined,
  setCamera: async () => undefined,
  setScreen: async () => undefined,
  selectDevice: async () => undefined,
});

const call = Object.assign(new Emitter(), {
  media,
  state: {
    ...initialState,
    room: query.get('room') ?? 'design-review',
    phase: { name } as Phase,
    path: 'connected' as const,
    strain,
    slots,
    call: { id: 'c', room: 'design-review', startedAt: Date.now() - 754_000 },
    you,
    participants: everyone.slice(1),
    speakers:
      people > 2 ? [{ participantId: 'p2', level: 30 }] : [{ participantId: 'p1', level: 30 }],
  },
  show: () => undefined,
  streamOf: (id: string, source: string) => {
    const isThat = (slot: SlotAssignment) => slot.participantId === id && slot.source === source;
    if ([...slots.values()].some(isThat)) return undefined;
    return source === 'screen'
      ? streamFor('screen', slides)
      : streamFor(id, () => portrait(Number(id.slice(1))));
  },
  audioStreams: () => [],
  leave: () => undefined,
  end: async () => undefined,
  muteOthers: async () => ['p2', 'p3'],
}) as unknown as CallLike;

const failure = query.get('message');
if (failure) {
  const actions = { retry() {}, reload() {}, home() {}, useToken() {} };
  document.body.append(
    messageView(failureMessage(new CallError(failure as never)), actions).element,
  );
} else {
  const view = new CallView(call, '', () => undefined);
  document.body.append(view.element);
  if (query.get('panel') === '1') {
    document.querySelector<HTMLElement>('[data-testid=people-button]')?.click();
  }
}
