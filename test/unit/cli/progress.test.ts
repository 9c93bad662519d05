import { describe, expect, it } from 'vitest';
import { ProgressBars } from '../../../lib/cli/render/progress-bars.js';
import { ProgressLines } from '../../../lib/cli/render/progress-lines.js';
import type { Progress } from '../../../lib/cli/render/progress.js';
import { Terminal } from '../../../lib/cli/render/terminal.js';
import { FakeStream } from './fake-stream.js';

function at(done: number, overrides: Partial<Progress> = {}): Progress {
  return { task: 'decoding', done, total: 100, unit: 'images', rate: 25, secondsLeft: (100 - done) / 25, ...overrides };
}

class Clock {
  time = 0;
  readonly now = (): number => this.time;
}

describe('ProgressBars', () => {
  it('shows share, amount, rate and time left on one line that it redraws', () => {
    const stream = new FakeStream(true);
    const clock = new Clock();
    const bars = new ProgressBars(stream, clock.now);
    bars.update(at(0, { rate: null, secondsLeft: null }));
    clock.time = 1000;
    bars.update(at(25));
    expect(stream.text).not.toContain('\n');
    expect(stream.screen).toEqual([
      expect.stringMatching(/^decoding +█{6}░{18} +25% {2}25\/100 images {2}25 images\/s {2}3\.0 s left$/),
    ]);
  });

  it('keeps the line of a finished task, with the time it took, and starts the next one below', () => {
    const stream = new FakeStream(true);
    const clock = new Clock();
    const bars = new ProgressBars(stream, clock.now);
    bars.update(at(0));
    clock.time = 4000;
    bars.update(at(100));
    bars.update(at(10, { task: 'warm-up', unit: 'steps' }));
    expect(stream.screen).toHaveLength(2);
    expect(stream.screen[0]).toMatch(/100%.*4\.0 s$/);
    expect(stream.screen[1]).toMatch(/^warm-up/);
  });

  it('claims no rate for work that was done before', () => {
    const stream = new FakeStream(true);
    new ProgressBars(stream, new Clock().now).update(at(100, { rate: 34e6 }));
    expect(stream.screen[0]).toMatch(/100\/100 images {2}0\.0 s$/);
  });

  it('writes one line for a task that is told twice that it is done', () => {
    const stream = new FakeStream(true);
    const bars = new ProgressBars(stream, new Clock().now);
    bars.update(at(100));
    bars.update(at(100));
    expect(stream.screen).toHaveLength(1);
  });

  it('draws no oftener than the eye follows', () => {
    const stream = new FakeStream(true);
    const clock = new Clock();
    const bars = new ProgressBars(stream, clock.now);
    for (let done = 0; done < 90; done += 1) {
      clock.time += 1;
      bars.update(at(done));
    }
    expect(stream.text.split('\r').length - 1).toBeLessThanOrEqual(3);
  });

  it('never writes a line wider than the terminal, which could not be erased', () => {
    const stream = new FakeStream(true, 50);
    new ProgressBars(stream, new Clock().now).update(at(25, { task: 'round 2: training under the masks' }));
    expect(stream.screen[0]?.length).toBeLessThan(50);
  });
});

describe('ProgressLines', () => {
  it('writes plain lines without control characters', () => {
    const stream = new FakeStream();
    const clock = new Clock();
    const lines = new ProgressLines(stream, clock.now);
    lines.update(at(0));
    clock.time = 4000;
    lines.update(at(100));
    expect(stream.text).toBe('decoding: 100% (100/100 images, 25 images/s, 4.0 s)\n');
  });

  it('writes at tenths, but not more than a line a second', () => {
    const stream = new FakeStream();
    const clock = new Clock();
    const lines = new ProgressLines(stream, clock.now);
    for (let done = 0; done <= 100; done += 1) {
      lines.update(at(done));
      clock.time += 30;
    }
    expect(stream.lines.length).toBeGreaterThanOrEqual(2);
    expect(stream.lines.length).toBeLessThanOrEqual(4);
  });

  it('says something every ten seconds of a slow task', () => {
    const stream = new FakeStream();
    const clock = new Clock();
    const lines = new ProgressLines(stream, clock.now);
    for (let step = 0; step < 40; step += 1) {
      lines.update(at(1 + step / 100));
      clock.time += 1000;
    }
    expect(stream.lines).toHaveLength(3);
  });
});

describe('Terminal', () => {
  it('takes the bar off before a line and puts it back after', () => {
    const stderr = new FakeStream(true);
    const terminal = new Terminal({ stdout: stderr, stderr, now: new Clock().now });
    terminal.progress(at(10));
    terminal.print('round 1 is done');
    terminal.close();
    expect(stderr.screen[0]).toBe('round 1 is done');
    expect(stderr.screen[1]).toMatch(/^decoding/);
  });

  it('keeps results on stdout and warnings on stderr', () => {
    const stdout = new FakeStream();
    const stderr = new FakeStream();
    const terminal = new Terminal({ stdout, stderr });
    terminal.print('result');
    terminal.note('warning');
    expect([stdout.text, stderr.text]).toEqual(['result\n', 'warning\n']);
  });

  it('shows no progress when quiet', () => {
    const stderr = new FakeStream(true);
    const terminal = new Terminal({ stdout: new FakeStream(), stderr, quiet: true });
    terminal.progress(at(100));
    terminal.close();
    expect(stderr.text).toBe('');
  });
});
