/** How loud a track is now, for the level meter before joining. */

export interface LevelMeter {
  /** 0 is silence, 1 as loud as a microphone gets. */
  read(): number;
  stop(): void;
}

/** Speech close to a microphone is about a quarter of full scale. */
const SPEECH_GAIN = 4;

export function meter(track: MediaStreamTrack): LevelMeter {
  const context = new AudioContext();
  const analyser = context.createAnalyser();
  analyser.fftSize = 512;
  const source = context.createMediaStreamSource(new MediaStream([track]));
  source.connect(analyser);
  const samples = new Float32Array(analyser.fftSize);
  return {
    read() {
      analyser.getFloatTimeDomainData(samples);
      const power = samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length;
      return Math.min(1, Math.sqrt(power) * SPEECH_GAIN);
    },
    stop() {
      source.disconnect();
      void context.close();
    },
  };
}
