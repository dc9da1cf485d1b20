// A clapperboard: one person's camera turns white and its microphone beeps at the same
// moments, and a page that receives both tells when each arrived.

/** Runs before the page's scripts: a camera and a microphone that clap every second. */
export function clapper() {
  const EVERY = 1;
  const LENGTH = 0.2;
  let context;
  let voice;
  const start = () => {
    context ??= new AudioContext();
    if (voice) return;
    const tone = context.createOscillator();
    const gate = context.createGain();
    const out = context.createMediaStreamDestination();
    gate.gain.value = 0;
    tone.connect(gate).connect(out);
    tone.start();
    for (let at = 1; at < 600; at += EVERY) {
      gate.gain.setValueAtTime(0.8, at);
      gate.gain.setValueAtTime(0, at + LENGTH);
    }
    voice = out.stream.getAudioTracks()[0];
  };
  const picture = () => {
    const canvas = Object.assign(document.createElement('canvas'), { width: 320, height: 180 });
    const drawing = canvas.getContext('2d');
    let frame = 0;
    const draw = () => {
      const now = context.currentTime;
      drawing.fillStyle = now >= 1 && now % EVERY < LENGTH ? 'white' : 'black';
      drawing.fillRect(0, 0, 320, 180);
      // Something that always moves, or no picture would be taken.
      drawing.fillStyle = 'gray';
      drawing.fillRect(frame++ % 320, 170, 10, 10);
    };
    setInterval(draw, 20);
    draw();
    return canvas.captureStream(30).getVideoTracks()[0];
  };
  navigator.mediaDevices.getUserMedia = async ({ audio, video }) => {
    start();
    return new MediaStream([...(audio ? [voice.clone()] : []), ...(video ? [picture()] : [])]);
  };
}

/**
 * Runs in the receiving page: notes when sound and picture begin to clap. Chromium gives
 * what it decoded, frame by frame; of others it is taken when the sound is fetched for
 * playing (`getSynchronizationSources`) and the picture is painted.
 */
export function listen({ participantId, frames = 'MediaStreamTrackProcessor' in window }) {
  const claps = (window.__claps = { heard: [], seen: [] });
  const receivers = window.__e2e.connections.at(-1).getReceivers();
  const voices = receivers.filter(({ track }) => track.kind === 'audio');
  const tile = document.querySelector(`[data-participant-id="${participantId}"] video`);
  /** Notes where something begins. */
  const edge = (into) => {
    let before = true;
    return (is) => {
      if (is && !before) into.push(performance.now());
      before = is;
    };
  };

  const follow = async (track, into, loud) => {
    const reader = new MediaStreamTrackProcessor({ track }).readable.getReader();
    const note = edge(into);
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      note(await loud(value));
      value.close();
    }
  };
  const loud = (sound) => {
    const samples = new Float32Array(sound.numberOfFrames);
    sound.copyTo(samples, { planeIndex: 0, format: 'f32-planar' });
    return samples.some((sample) => Math.abs(sample) > 0.1);
  };
  const white = async (frame) => {
    const rect = { x: 0, y: 0, width: 16, height: 16 };
    const bytes = new Uint8Array(frame.allocationSize({ rect }));
    await frame.copyTo(bytes, { rect });
    return bytes[0] > 128;
  };
  const byFrames = () => {
    for (const { track } of voices) void follow(track, claps.heard, loud);
    void follow(tile.srcObject.getVideoTracks()[0].clone(), claps.seen, white);
  };

  const byPlaying = () => {
    const heard = edge(claps.heard);
    const levels = () => voices.flatMap((voice) => voice.getSynchronizationSources());
    setInterval(() => heard(levels().some(({ audioLevel }) => audioLevel > 0.1)), 4);
    const canvas = Object.assign(document.createElement('canvas'), { width: 1, height: 1 });
    const drawing = canvas.getContext('2d', { willReadFrequently: true });
    const seen = edge(claps.seen);
    const painted = () => {
      drawing.drawImage(tile, 0, 0, 16, 16, 0, 0, 1, 1);
      seen(drawing.getImageData(0, 0, 1, 1).data[0] > 128);
      tile.requestVideoFrameCallback(painted);
    };
    tile.requestVideoFrameCallback(painted);
  };
  if (frames) byFrames();
  else byPlaying();
}

/** By how many ms each picture comes after its sound; less than half a clap away. */
export function skews({ heard, seen }) {
  if (heard.length === 0) return [];
  const nearest = (at) => heard.reduce((a, b) => (Math.abs(b - at) < Math.abs(a - at) ? b : a));
  return seen.map((at) => Math.round(at - nearest(at))).filter((skew) => Math.abs(skew) < 500);
}
