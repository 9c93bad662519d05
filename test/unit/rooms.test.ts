import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const lib = fileURLToPath(new URL('../../lib', import.meta.url));

/** The folder of lib that a file lies in; null for those that all may import. */
const roomOf = (file: string): string | null => /^([^/]+)\//.exec(file)?.[1] ?? null;

/** The rooms that each room imports from, types included. */
function importedRooms(): Map<string, Set<string>> {
  const rooms = new Map<string, Set<string>>();
  for (const file of readdirSync(lib, { recursive: true, encoding: 'utf8' })) {
    const room = roomOf(file);
    if (room === null || !file.endsWith('.ts')) continue;
    const imported = rooms.get(room) ?? new Set();
    rooms.set(room, imported);
    for (const [, path] of readFileSync(join(lib, file), 'utf8').matchAll(/(?:from|import\() ?'(\.[^']+)'/g)) {
      const other = roomOf(normalize(join(dirname(file), path)));
      if (other !== null && other !== room) imported.add(other);
    }
  }
  return rooms;
}

describe('the rooms of lib', () => {
  const rooms = importedRooms();

  it.each(['bayes', 'native'])('%s imports from no other', (room) => {
    expect([...rooms.get(room)!]).toEqual([]);
  });

  it('import from one another in one direction', () => {
    // Those that import from nothing that is left are taken away, until none can be.
    const left = new Map(rooms);
    for (let before = -1; before !== left.size;) {
      before = left.size;
      for (const [room, imported] of left) if (![...imported].some((other) => left.has(other))) left.delete(room);
    }
    expect([...left.keys()]).toEqual([]);
  });
});
