/** Cameras, microphones and screens, with refusals that a person can act on. */

import { CallError } from '../errors';

export type DeviceKind = 'microphone' | 'camera' | 'speaker';

export interface Device {
  id: string;
  label: string;
}

export type Devices = Record<DeviceKind, Device[]>;

/** 720p: what a tile of half a screen shows, and what every webcam has. */
const CAMERA = { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30 } };
const MICROPHONE = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };

/** Music and films, not speech: nothing is to be filtered out of them. */
const SCREEN_AUDIO = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };

const KINDS: Record<MediaDeviceKind, DeviceKind> = {
  audioinput: 'microphone',
  videoinput: 'camera',
  audiooutput: 'speaker',
};

/** Absent on pages that are neither https nor localhost. */
function mediaDevices(): MediaDevices {
  const devices = (navigator as { mediaDevices?: MediaDevices }).mediaDevices;
  if (!devices) throw new CallError('insecure_context');
  return devices;
}

const from = (deviceId: string | undefined) =>
  deviceId === undefined ? {} : { deviceId: { exact: deviceId } };

async function single(constraints: MediaStreamConstraints): Promise<MediaStreamTrack> {
  try {
    const stream = await mediaDevices().getUserMedia(constraints);
    return stream.getTracks()[0]!;
  } catch (error) {
    throw error instanceof CallError ? error : CallError.fromDevice(error);
  }
}

export function openMicrophone(deviceId?: string): Promise<MediaStreamTrack> {
  return single({ audio: { ...MICROPHONE, ...from(deviceId) } });
}

export function openCamera(deviceId?: string): Promise<MediaStreamTrack> {
  return single({ video: { ...CAMERA, ...from(deviceId) } });
}

/** One question to the user instead of two. */
export async function openBoth(): Promise<MediaStreamTrack[]> {
  try {
    const stream = await mediaDevices().getUserMedia({ audio: MICROPHONE, video: CAMERA });
    return stream.getTracks();
  } catch (error) {
    throw error instanceof CallError ? error : CallError.fromDevice(error);
  }
}

/** Screen Capture; TypeScript does not know all of it yet. */
type Supported = MediaTrackSupportedConstraints & { restrictOwnAudio?: boolean };

/** What this page plays, which are the others, is not to be sent back to them. */
function screenOptions(devices: MediaDevices) {
  const { restrictOwnAudio = false } = devices.getSupportedConstraints() as Supported;
  return restrictOwnAudio
    ? { video: true, audio: { ...SCREEN_AUDIO, restrictOwnAudio } }
    : { video: true, audio: SCREEN_AUDIO, systemAudio: 'exclude' };
}

/** The picture, and the sound where the browser and the user give it. */
export async function openScreen(): Promise<MediaStreamTrack[]> {
  try {
    const devices = mediaDevices();
    const stream = await devices.getDisplayMedia(screenOptions(devices));
    return stream.getTracks();
  } catch (error) {
    throw error instanceof CallError ? error : CallError.fromDevice(error);
  }
}

export function canShareScreen(): boolean {
  return 'mediaDevices' in navigator && 'getDisplayMedia' in navigator.mediaDevices;
}

/** Labels are empty until a permission was given; those devices are left out. */
export async function listDevices(): Promise<Devices> {
  const found: Devices = { microphone: [], camera: [], speaker: [] };
  const all = (await mediaDevices().enumerateDevices()).filter(({ label }) => label !== '');
  for (const { kind, deviceId, label } of all) found[KINDS[kind]].push({ id: deviceId, label });
  return found;
}

/** Returns the function that stops watching. */
export function watchDevices(changed: () => void): () => void {
  const devices = (navigator as { mediaDevices?: MediaDevices }).mediaDevices;
  devices?.addEventListener('devicechange', changed);
  return () => devices?.removeEventListener('devicechange', changed);
}
