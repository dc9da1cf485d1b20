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

/** Runs in the receiving page: notes when sound and picture begin to clap. */
export function listen(participantId) {
  const claps = (window.__claps = { heard: [], seen: [] });
  const follow = async (track, into, loud) => {
    const reader = new MediaStreamTrackProcessor({ track }).readable.getReader();
    let before = true;
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      const now = performance.now();
      const is = await loud(value);
      value.close();
      if (is && !before) into.push(now);
      before = is;
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
  const connection = window.__e2e.connections.at(-1);
  for (const { track } of connection.getReceivers()) {
    if (track.kind === 'audio') void follow(track, claps.heard, loud);
  }
  const tile = document.querySelector(`[data-participant-id="${participantId}"] video`);
  void follow(tile.srcObject.getVideoTracks()[0].clone(), claps.seen, white);
}

/** By how many ms each picture comes after its sound; less than half a clap away. */
export function skews({ heard, seen }) {
  const nearest = (at) => heard.reduce((a, b) => (Math.abs(b - at) < Math.abs(a - at) ? b : a));
  return seen.map((at) => Math.round(at - nearest(at))).filter((skew) => Math.abs(skew) < 500);
}
