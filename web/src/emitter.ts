/** Typed events: the only way anything in this library speaks to its owner. */

export type Listener<T> = (event: T) => void;

export class Emitter<Events extends object> {
  #listeners = new Map<keyof Events, Set<Listener<never>>>();

  /** Returns the function that unsubscribes. */
  on<K extends keyof Events>(name: K, listener: Listener<Events[K]>): () => void {
    const listeners = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, listeners);
    listeners.add(listener as Listener<never>);
    return () => listeners.delete(listener as Listener<never>);
  }

  emit<K extends keyof Events>(name: K, event: Events[K]): void {
    // A copy: a listener may unsubscribe itself, or others, while it runs.
    for (const listener of [...(this.#listeners.get(name) ?? [])]) {
      (listener as Listener<Events[K]>)(event);
    }
  }
}
