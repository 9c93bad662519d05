import { EventEmitter } from 'node:events';
import { describe, expect, it } from 'vitest';
import { exitWhenInterrupted } from '../../../lib/cli/interrupt.js';

class FakeProcess extends EventEmitter {
  readonly exits: number[] = [];
  exit(code: number): void {
    this.exits.push(code);
  }
}

function watch(): { source: FakeProcess; lines: string[]; interrupt: ReturnType<typeof exitWhenInterrupted> } {
  const source = new FakeProcess();
  const lines: string[] = [];
  return { source, lines, interrupt: exitWhenInterrupted(source, (line) => lines.push(line)) };
}

describe('exitWhenInterrupted', () => {
  it('asks armed work to stop at the first signal, and says so', () => {
    const { source, lines, interrupt } = watch();
    interrupt.arm('saving');
    source.emit('SIGINT');
    expect(interrupt.signal.aborted).toBe(true);
    expect(lines).toEqual(['saving']);
    expect(source.exits).toEqual([]);
  });

  it('leaves at once with 130 at the second', () => {
    const { source, interrupt } = watch();
    interrupt.arm('saving');
    source.emit('SIGINT');
    source.emit('SIGINT');
    expect(source.exits).toEqual([130]);
  });

  it('leaves at the first where there is nothing to save', () => {
    const { source } = watch();
    source.emit('SIGINT');
    expect(source.exits).toEqual([130]);
  });

  it('treats SIGTERM as SIGINT', () => {
    const { source, interrupt } = watch();
    interrupt.arm('saving');
    source.emit('SIGTERM');
    expect(interrupt.signal.aborted).toBe(true);
  });

  it('leaves no listener behind when released', () => {
    const { source, interrupt } = watch();
    interrupt.release();
    expect([source.listenerCount('SIGINT'), source.listenerCount('SIGTERM')]).toEqual([0, 0]);
  });
});
