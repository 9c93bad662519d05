/**
 * Checks of what a caller gives to the optimizer; types hold nothing where JavaScript calls. `where` is who speaks, `name` the
 * field at fault.
 */
import { describeValue, UsageError } from '../errors.js';

/** @throws UsageError unless `point` is in the unit cube of `dimensions`. */
export function checkPoint(point: unknown, dimensions: number, where: string): asserts point is readonly number[] {
  const isInside = (value: unknown): boolean => typeof value === 'number' && value >= 0 && value <= 1;
  if (!Array.isArray(point) || point.length !== dimensions || !point.every(isInside)) {
    const received = Array.isArray(point) ? `[${point.map(describeValue).join(', ')}]` : describeValue(point);
    throw new UsageError(`${where}: expected a point in [0, 1]^${dimensions} but received ${received}`);
  }
}

/** @throws UsageError unless `value` is an object, and no array. */
export function checkObject(value: unknown, where: string, expected: string): void {
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
  if (!isObject) throw unexpected(value, where, expected);
}

/** @throws UsageError unless `value` is an array. */
export function checkList(value: unknown, where: string, name: string): void {
  if (!Array.isArray(value)) throw unexpected(value, where, `an array for ${name}`);
}

/** @throws UsageError unless `value` is true or false. */
export function checkFlag(value: unknown, where: string, name: string): void {
  if (typeof value !== 'boolean') throw unexpected(value, where, `true or false for ${name}`);
}

/** @throws UsageError unless `value` is a function. */
export function checkFunction(value: unknown, where: string, name: string): void {
  if (typeof value !== 'function') throw unexpected(value, where, `a function for ${name}`);
}

function unexpected(value: unknown, where: string, expected: string): UsageError {
  return new UsageError(`${where}: expected ${expected} but received ${describeValue(value)}`);
}
