import { describe, expect, it } from 'vitest';
import { CheckpointClock } from '../../../lib/tuner/checkpoint-clock.js';

/** A clock of which the test turns the hands. */
function clockAt(): { clock: CheckpointClock; pass: (seconds: number) => void } {
  let now = 100;
  const clock = new CheckpointClock(() => now);
  return { clock, pass: (seconds) => (now += seconds) };
}

/** Writes a checkpoint that takes `seconds`. */
async function write({ clock, pass }: ReturnType<typeof clockAt>, seconds: number): Promise<void> {
  await clock.time(() => {
    pass(seconds);
    return Promise.resolve();
  });
}

describe('a checkpoint', () => {
  it('is due at the end of the first stage, however short that was', () => {
    const { clock } = clockAt();
    expect(clock.isDueAtStageEnd()).toBe(true);
    expect(clock.isDueInStage()).toBe(false);
  });

  it('takes a twentieth of the time at most', async () => {
    const watch = clockAt();
    await write(watch, 0.5);
    watch.pass(9.9);
    expect(watch.clock.isDueAtStageEnd()).toBe(false);
    watch.pass(0.2);
    expect(watch.clock.isDueAtStageEnd()).toBe(true);
  });

  it('is due in the middle of a stage after half a minute, or later where it costs more', async () => {
    const watch = clockAt();
    await write(watch, 0.1);
    watch.pass(29);
    expect(watch.clock.isDueInStage()).toBe(false);
    watch.pass(2);
    expect(watch.clock.isDueInStage()).toBe(true);
    await write(watch, 3);
    watch.pass(59);
    expect(watch.clock.isDueInStage()).toBe(false);
    watch.pass(2);
    expect(watch.clock.isDueInStage()).toBe(true);
  });
});
