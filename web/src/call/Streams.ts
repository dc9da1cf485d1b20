/**
 * A MediaStream for each track, the same one for as long as the track lives: a
 * <video> that is given another stream flickers.
 */
export class Streams {
  #streams = new Map<string, MediaStream>();

  /** The stream of the track that is under this name now. */
  of(name: string, track: MediaStreamTrack | undefined): MediaStream | undefined {
    if (!track) {
      this.#streams.delete(name);
      return undefined;
    }
    const known = this.#streams.get(name);
    if (known?.getTracks()[0] === track) return known;
    const stream = new MediaStream([track]);
    this.#streams.set(name, stream);
    return stream;
  }
}
