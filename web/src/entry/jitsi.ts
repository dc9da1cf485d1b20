/**
 * A Jitsi's page in a frame, and what it tells of itself. The few messages that we need
 * of its IFrame API are spoken here, so that no script of another site runs on ours.
 */

/** A frame answers under the number that its address gives it. */
const ID = 0;
const SCOPE = `jitsi_meet_external_api_${ID}`;
const OVER = ['video-conference-left', 'video-ready-to-close'];
const ALLOWED = [
  'autoplay',
  'camera',
  'clipboard-write',
  'display-capture',
  'fullscreen',
  'microphone',
  'screen-wake-lock',
  'speaker-selection',
];

/** The `jitsi` block of a joined call. */
export interface JitsiBlock {
  token: string | null;
  meetingUrl: string;
  config?: {
    configOverwrite?: Record<string, unknown>;
    interfaceConfigOverwrite?: Record<string, unknown>;
    userInfo?: { name?: string; email?: string };
  };
}

/** Jitsi's page reads its options from the fragment, each value as JSON. */
export function frameUrl({ token, meetingUrl, config }: JitsiBlock): string {
  const url = new URL(meetingUrl);
  if (token !== null) url.searchParams.set('jwt', token);
  const options: [string, unknown][] = [['jitsi_meet_external_api_id', ID]];
  for (const [key, value] of Object.entries(config?.configOverwrite ?? {})) {
    options.push([`config.${key}`, value]);
  }
  for (const [key, value] of Object.entries(config?.interfaceConfigOverwrite ?? {})) {
    options.push([`interfaceConfig.${key}`, value]);
  }
  const { name, email } = config?.userInfo ?? {};
  if (name) options.push(['userInfo.displayName', name]);
  if (email) options.push(['userInfo.email', email]);
  url.hash = options
    .map(([key, value]) => `${key}=${encodeURIComponent(JSON.stringify(value))}`)
    .join('&');
  return url.href;
}

/** What to say to the frame, and whether it says that the call is over there. */
export function heard(data: unknown): { answer?: string; over: boolean } {
  const message = parsed(data);
  if (message?.postis !== true || message.scope !== SCOPE) return { over: false };
  if (message.method === '__ready__') {
    // It keeps what it has to say until somebody repeats its greeting.
    return { answer: JSON.stringify({ ...message }), over: false };
  }
  const { type, data: event } = (message.params ?? {}) as {
    type?: unknown;
    data?: { name?: unknown };
  };
  return { over: type === 'event' && OVER.includes(String(event?.name)) };
}

interface Message {
  postis?: unknown;
  scope?: unknown;
  method?: unknown;
  params?: unknown;
}

function parsed(data: unknown): Message | undefined {
  try {
    const value: unknown = typeof data === 'string' ? JSON.parse(data) : undefined;
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Shows the call in place of `place`; `over` is called once, when it is left there. */
export function embed(place: HTMLElement, block: JitsiBlock, over: () => void): void {
  const frame = document.createElement('iframe');
  const src = frameUrl(block);
  frame.src = src;
  frame.allow = ALLOWED.join('; ');
  frame.title = 'The call';
  const listen = ({ source, origin, data }: MessageEvent) => {
    if (source !== frame.contentWindow || origin !== new URL(src).origin) return;
    const said = heard(data);
    if (said.answer !== undefined) frame.contentWindow?.postMessage(said.answer, origin);
    if (!said.over) return;
    removeEventListener('message', listen);
    frame.replaceWith(place);
    over();
  };
  addEventListener('message', listen);
  place.replaceWith(frame);
}
