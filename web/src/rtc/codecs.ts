/**
 * Which codecs an offer names. A browser's full list, repeated for 49 Slots,
 * makes an offer of a quarter megabyte; one profile of each codec is enough to
 * show whatever anybody publishes.
 */

export type VideoCodec = 'vp8' | 'vp9' | 'h264' | 'av1';

/** Cheapest to decode first; the order does not decide what is sent to us. */
const SLOT_CODECS: readonly VideoCodec[] = ['vp8', 'vp9', 'h264', 'av1'];

/** RFC 6184 §8.1: constrained baseline is what every browser en- and decodes. */
const H264_CONSTRAINED_BASELINE = /profile-level-id=42e0/i;
const H264_SINGLE_NAL_UNITS = /packetization-mode=0/;
const FIRST_PROFILE = /profile(-id)?=0/;

type Codec = RTCRtpCodec;

function isBaseProfile(codec: Codec, name: VideoCodec): boolean {
  const parameters = codec.sdpFmtpLine ?? '';
  switch (name) {
    case 'h264':
      return H264_CONSTRAINED_BASELINE.test(parameters) && !H264_SINGLE_NAL_UNITS.test(parameters);
    case 'vp9':
    case 'av1':
      return !parameters.includes('profile') || FIRST_PROFILE.test(parameters);
    default:
      return true;
  }
}

/** The entry of the browser's list for a codec, with those wanted put first. */
function choose(available: readonly Codec[], wanted: readonly VideoCodec[]): Codec[] {
  const chosen = wanted.flatMap((name) => {
    const matching = available.filter(({ mimeType }) => mimeType.toLowerCase() === `video/${name}`);
    return (matching.find((codec) => isBaseProfile(codec, name)) ?? matching[0]) || [];
  });
  // Without RTX a lost packet costs a keyframe (RFC 4588).
  const rtx = available.filter(({ mimeType }) => mimeType.toLowerCase() === 'video/rtx');
  return chosen.length > 0 ? [...chosen, ...rtx] : [];
}

/** What to publish with: the preferred codec, or VP8 where the browser lacks it. */
export function publishCodecs(available: readonly Codec[], preferred: VideoCodec): Codec[] {
  const first = choose(available, [preferred]);
  return first.length > 0 ? first : choose(available, ['vp8']);
}

export function slotCodecs(available: readonly Codec[]): Codec[] {
  return choose(available, SLOT_CODECS);
}

/** Empty means that this browser's own list stays as it is. */
export function prefer(transceiver: RTCRtpTransceiver, codecs: Codec[]): void {
  if (codecs.length > 0 && 'setCodecPreferences' in transceiver) {
    transceiver.setCodecPreferences(codecs);
  }
}

interface HeaderExtension {
  uri: string;
  direction: RTCRtpTransceiverDirection;
}

/** WebRTC Extensions §5.3; Chromium has it, Firefox not yet. */
interface NegotiatesExtensions {
  getHeaderExtensionsToNegotiate?(): HeaderExtension[];
  setHeaderExtensionsToNegotiate?(extensions: HeaderExtension[]): void;
}

/** Extensions that tell a receiver something; each costs 60 bytes a Slot. */
const SLOT_EXTENSIONS = [
  'sdes:mid',
  'abs-send-time',
  'transport-wide-cc',
  '3gpp:video-orientation',
  'dependency-descriptor',
  'ssrc-audio-level',
];

export function trimExtensions(transceiver: RTCRtpTransceiver): void {
  const negotiator = transceiver as NegotiatesExtensions;
  const offered = negotiator.getHeaderExtensionsToNegotiate?.();
  if (!offered) return;
  negotiator.setHeaderExtensionsToNegotiate?.(
    offered.map(({ uri, direction }) => ({
      uri,
      direction: SLOT_EXTENSIONS.some((wanted) => uri.includes(wanted)) ? direction : 'stopped',
    })),
  );
}
