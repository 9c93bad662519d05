import { describe, expect, it } from 'vitest';
import { renderTable } from '../../../lib/cli/render/table.js';
import {
  formatBytes,
  formatCount,
  formatFactor,
  formatPoints,
  formatRate,
  formatSeconds,
  formatShare,
} from '../../../lib/format.js';

describe('format', () => {
  it.each([
    [formatCount(1_235_496), '1,235,496'],
    [formatShare(0.8914), '89.1%'],
    [formatFactor(19.93), '19.9x'],
    [formatFactor(107.96), '108x'],
    [formatFactor(null), '-'],
    [formatFactor(Infinity), '-'],
    [formatBytes(999), '999 bytes'],
    [formatBytes(4_942_000), '4.94 MB'],
    [formatSeconds(4.23), '4.2 s'],
    [formatSeconds(9.97), '10 s'],
    [formatSeconds(59.6), '1 min 0 s'],
    [formatSeconds(75), '1 min 15 s'],
    [formatSeconds(3700), '1 h 2 min'],
    [formatRate(312.4), '312'],
    [formatRate(4.31), '4.3'],
    [formatPoints(0.7375 - 0.745, 2), '-0.75'],
    [formatPoints(0.7375 - 0.745), '-0.8'],
    [formatPoints(0.012), '+1.2'],
  ])('writes %s', (written, expected) => {
    expect(written).toBe(expected);
  });
});

describe('renderTable', () => {
  it('aligns columns under their titles without trailing blanks', () => {
    const table = renderTable(
      [
        { title: 'layer', align: 'left' },
        { title: 'kept', align: 'right' },
        { title: 'note', align: 'left' },
      ],
      [
        ['conv1', '1,234', 'first'],
        ['fc', '5'],
      ],
    );
    expect(table).toBe('layer   kept  note\nconv1  1,234  first\nfc         5');
  });
});
