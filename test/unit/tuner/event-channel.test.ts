import { describe, expect, it } from 'vitest';
import { UsageError } from '../../../lib/errors.js';
import type { ProgressEvent, TuneEvent } from '../../../lib/run/types.js';
import { EventChannel } from '../../../lib/tuner/event-channel.js';

const event = (done: number): ProgressEvent => ({ event: 'progress', phase: 'p', unit: 'u', done, total: 9 }) as never;

async function readAll(channel: EventChannel): Promise<TuneEvent[]> {
  const events: TuneEvent[] = [];
  for await (const one of channel) events.push(one);
  return events;
}

describe('an EventChannel', () => {
  it('refuses a second reader beside the first, which gets every event', async () => {
    const channel = new EventChannel();
    channel.push(event(1));
    const first = readAll(channel);
    await expect(readAll(channel)).rejects.toThrow(UsageError);
    channel.push(event(2));
    channel.close();
    expect(await first).toEqual([event(1), event(2)]);
  });

  it('goes on with what is unread where a loop comes after one that was left', async () => {
    const channel = new EventChannel();
    [1, 2, 3].forEach((done) => channel.push(event(done)));
    for await (const one of channel) {
      expect(one).toEqual(event(1));
      break;
    }
    channel.close();
    expect(await readAll(channel)).toEqual([event(2), event(3)]);
  });

  it('ends every later loop at once, with the error of the run where there is one', async () => {
    const channel = new EventChannel();
    channel.close(new UsageError('broken'));
    await expect(readAll(channel)).rejects.toThrow('broken');
    await expect(readAll(channel)).rejects.toThrow('broken');
  });
});
