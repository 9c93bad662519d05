import { describe, expect, it } from 'vitest';
import {
  choiceFlag,
  deviceFlag,
  integerFlag,
  nullable,
  numberFlag,
  switchFlag,
  textFlag,
} from '../../../lib/cli/flags/flag.js';
import { tuneFlags } from '../../../lib/cli/flags/tune-flags.js';
import { UsageError } from '../../../lib/errors.js';

describe('flags', () => {
  const rounds = integerFlag('rounds', 'Rounds', { min: 1 });
  const share = numberFlag('max-drop', 'Share', { min: 0, below: 1 });

  it.each([
    '0',
    '-1',
    '1.5',
    'NaN',
    'Infinity',
    '1e400',
    '',
    ' ',
    '0x10',
    'three',
    '9007199254740993',
    null,
    true,
    Number.NaN,
  ])('refuses %j where a whole number is needed, naming the flag', (value) => {
    expect(() => rounds.parse(value, '--rounds')).toThrow(UsageError);
    expect(() => rounds.parse(value, '--rounds')).toThrow(
      /expected a whole number 1 or more for --rounds but received/,
    );
  });

  it.each(['-0.1', '1', 'NaN', '-Infinity', '1,5', '', '1e'])('refuses %j where a share is needed', (value) => {
    expect(() => share.parse(value, '--max-drop')).toThrow(
      /expected a number 0 or more and below 1 for --max-drop but received/,
    );
  });

  it.each([
    ['1e-3', 0.001],
    ['.5', 0.5],
    ['0', 0],
    [0.25, 0.25],
  ])('takes %j as a number', (value, number) => {
    expect(share.parse(value, '--max-drop')).toBe(number);
  });

  it('takes whole numbers from text and from JSON', () => {
    expect([rounds.parse('12', ''), rounds.parse(12, ''), rounds.parse('1e2', '')]).toEqual([12, 12, 100]);
  });

  it('says both bounds of a range', () => {
    const threads = integerFlag('threads', 'Threads', { min: 1, max: 1024 });
    expect(() => threads.parse('2000', '--threads')).toThrow('expected a whole number from 1 to 1024 for --threads');
  });

  it('lists what a choice may be', () => {
    const decay = choiceFlag('decay', 'Decay', ['cosine', 'step']);
    expect(decay.parse('step', '--decay')).toBe('step');
    expect(() => decay.parse('linear', '--decay')).toThrow(
      'expected one of cosine, step for --decay but received "linear"',
    );
  });

  it('takes null only where a setting may be unset', () => {
    expect(nullable(rounds).parse(null, 'rounds')).toBeNull();
    expect(() => rounds.parse(null, 'rounds')).toThrow(UsageError);
  });

  it('refuses empty text and switches that are no booleans', () => {
    expect(() => textFlag('out', '').parse('', '--out')).toThrow(UsageError);
    expect(() => switchFlag('strict', '').parse('yes', 'strict')).toThrow(UsageError);
  });

  it.each(['auto', 'cpu', 'cuda', 'cuda:3'])('takes %s as a device', (device) => {
    expect(deviceFlag().parse(device, '--device')).toBe(device);
  });

  it.each(['gpu', 'cuda:', 'cuda:-1', 'CPU'])('refuses %s as a device', (device) => {
    expect(() => deviceFlag().parse(device, '--device')).toThrow('expected auto, cpu or cuda:N for --device');
  });

  it('gives each field of the configuration a flag of its own', () => {
    const names = Object.values(tuneFlags).map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
  });
});
