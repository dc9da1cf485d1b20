/** As much of a document as `h` and what is built of it touch; nothing is laid out. */

import { vi } from 'vitest';

export class FakeElement extends EventTarget {
  readonly attributes = new Map<string, string>();
  readonly style = { setProperty: () => undefined };
  children: FakeElement[] = [];
  parent: FakeElement | undefined;
  #text = '';
  #hidden = false;

  constructor(
    readonly page: FakePage,
    readonly tag: string,
  ) {
    super();
  }

  setAttribute(name: string, value: string): void {
    if (name === 'hidden') this.#hidden = true;
    this.attributes.set(name, value);
  }

  getAttribute(name: string): string | null {
    return this.attributes.get(name) ?? null;
  }

  get hidden(): boolean {
    return this.#hidden;
  }

  set hidden(hidden: boolean) {
    this.#hidden = hidden;
  }

  get textContent(): string {
    return this.#text + this.children.map(({ textContent }) => textContent).join('');
  }

  set textContent(text: string) {
    this.replaceChildren();
    this.#text = text;
  }

  /** Of a <select>: what is chosen in it. */
  get value(): string {
    const chosen = this.children.find((option) => option.attributes.has('selected'));
    return (chosen ?? this.children[0])?.getAttribute('value') ?? '';
  }

  set value(value: string) {
    for (const option of this.children) {
      if (option.getAttribute('value') === value) option.attributes.set('selected', '');
      else option.attributes.delete('selected');
    }
  }

  get firstElementChild(): FakeElement | undefined {
    return this.children[0];
  }

  append(...nodes: (FakeElement | string)[]): void {
    for (const node of nodes) {
      const element = typeof node === 'string' ? new FakeElement(this.page, '#text') : node;
      if (typeof node === 'string') element.#text = node;
      element.remove();
      element.parent = this;
      this.children.push(element);
    }
  }

  insertBefore(node: FakeElement, before: FakeElement | null): void {
    this.append(node);
    this.children.pop();
    this.children.splice(before ? this.children.indexOf(before) : this.children.length, 0, node);
  }

  replaceChildren(...nodes: (FakeElement | string)[]): void {
    for (const child of [...this.children]) child.remove();
    this.append(...nodes);
  }

  remove(): void {
    const { parent } = this;
    if (!parent) return;
    // Whoever had the focus in it has it no more.
    if (this.contains(this.page.activeElement)) this.page.activeElement = undefined;
    parent.children = parent.children.filter((child) => child !== this);
    this.parent = undefined;
  }

  contains(other: FakeElement | undefined): boolean {
    return other === this || (other?.parent !== undefined && this.contains(other.parent));
  }

  querySelector(tag: string): FakeElement | null {
    return this.all(tag)[0] ?? null;
  }

  all(tag: string): FakeElement[] {
    return this.children.flatMap((child) => [
      ...(child.tag === tag ? [child] : []),
      ...child.all(tag),
    ]);
  }

  focus(): void {
    this.page.activeElement = this;
  }
}

class FakePage extends EventTarget {
  activeElement: FakeElement | undefined;
  createElement = (tag: string): FakeElement => new FakeElement(this, tag);
  createElementNS = (_: string, tag: string): FakeElement => new FakeElement(this, tag);
}

/** Until the stubs are gone again, `document` is this. */
export function openFakePage(): FakePage {
  const page = new FakePage();
  vi.stubGlobal('document', page);
  return page;
}

/** What the fake document has made, seen as what it is. */
export const fake = (element: Element): FakeElement => element as unknown as FakeElement;
