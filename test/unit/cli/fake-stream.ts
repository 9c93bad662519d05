import type { OutputStream } from '../../../lib/cli/render/output-stream.js';

/** Remembers what was written. */
export class FakeStream implements OutputStream {
  text = '';

  constructor(
    readonly isTTY = false,
    readonly columns = 100,
  ) {}

  write(text: string): boolean {
    this.text += text;
    return true;
  }

  get lines(): string[] {
    return this.text.split('\n').filter((line) => line !== '');
  }

  /** What a terminal shows in the end: each line as it was drawn last. */
  get screen(): string[] {
    return this.lines
      .map((line) => line.split('\u001b[2K').at(-1)?.replaceAll('\r', '') ?? '')
      .filter((line) => line !== '');
  }
}
