/** How each source is sent: encodings, codecs, what to give up under pressure. */

import type { TrackSource } from '../protocol/messages';
import { prefer, publishCodecs, type VideoCodec } from './codecs';

export interface PublishOptions {
  codec: VideoCodec;
  simulcast: boolean;
}

/** What a 720p picture needs at each size; four people share one upstream. */
const CAMERA_BITRATES = { q: 150_000, h: 500_000, f: 1_800_000 } as const;
/** Text stays sharp, a video in a tab is watchable. */
const SCREEN_BITRATE = 2_500_000;
const SCREEN_FRAME_RATE = 30;

/** `scalabilityMode` is Scalable Video Coding §4, not in every lib.dom. */
type Encoding = RTCRtpEncodingParameters & { scalabilityMode?: string };

export function cameraEncodings({ codec, simulcast }: PublishOptions): Encoding[] {
  if (!simulcast) return [{ maxBitrate: CAMERA_BITRATES.f }];
  // Left to itself Chromium makes one SVC stream of several VP9 or AV1 encodings.
  const mode = codec === 'vp9' || codec === 'av1' ? { scalabilityMode: 'L1T2' } : {};
  return [
    { rid: 'q', scaleResolutionDownBy: 4, maxBitrate: CAMERA_BITRATES.q, ...mode },
    { rid: 'h', scaleResolutionDownBy: 2, maxBitrate: CAMERA_BITRATES.h, ...mode },
    { rid: 'f', scaleResolutionDownBy: 1, maxBitrate: CAMERA_BITRATES.f, ...mode },
  ];
}

/**
 * Microphone and camera are `sendonly` from the first offer on, with or without
 * a device: an inactive m-line has no `a=simulcast`, and the layers could not
 * come back later (RFC 9429 §5.2.1).
 */
export function addPublisher(
  connection: RTCPeerConnection,
  source: TrackSource,
  options: PublishOptions,
): RTCRtpTransceiver {
  const kind = source === 'microphone' || source === 'screen_audio' ? 'audio' : 'video';
  const transceiver = connection.addTransceiver(kind, {
    direction: 'sendonly',
    ...(source === 'camera' ? { sendEncodings: cameraEncodings(options) } : {}),
    ...(source === 'screen'
      ? { sendEncodings: [{ maxBitrate: SCREEN_BITRATE, maxFramerate: SCREEN_FRAME_RATE }] }
      : {}),
  });
  if (kind === 'video') {
    const available = RTCRtpSender.getCapabilities('video')?.codecs ?? [];
    prefer(transceiver, publishCodecs(available, options.codec));
  }
  return transceiver;
}

/** A shared screen is read, a face is watched. */
export function hintContent(track: MediaStreamTrack, source: TrackSource): void {
  if (source === 'screen') track.contentHint = 'detail';
  else if (source === 'camera') track.contentHint = 'motion';
  else if (source === 'microphone') track.contentHint = 'speech';
  else track.contentHint = 'music';
}
