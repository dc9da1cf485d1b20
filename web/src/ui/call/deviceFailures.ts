/** Says what becomes of a microphone or camera in the call, whoever wanted it. */

import type { LocalMedia } from '../../rtc/LocalMedia';
import { deviceMessage } from '../words';

/** Every failure once, but those from before the call. Returns the function that stops it. */
export function tellFailures(
  media: Pick<LocalMedia, 'on' | 'error'>,
  tell: (text: string) => void,
): () => void {
  const known = new Set([media.error('microphone'), media.error('camera')]);
  return media.on('changed', (source) => {
    if (source !== 'microphone' && source !== 'camera') return;
    const error = media.error(source);
    if (!error || known.has(error)) return;
    known.add(error);
    tell(deviceMessage(source, error));
  });
}
