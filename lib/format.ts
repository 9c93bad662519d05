/** Numbers as people read them. */

const wholeNumbers = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });

/** 1234567 -> "1,234,567". */
export function formatCount(count: number): string {
  return wholeNumbers.format(count);
}

/** A share in [0, 1] as per cent: 0.8914 -> "89.1%". */
export function formatShare(share: number, digits = 1): string {
  return `${(share * 100).toFixed(digits)}%`;
}

/** How many times smaller: 19.93 -> "19.9x", 108.0 -> "108x"; "-" where there is none. */
export function formatFactor(factor: number | null): string {
  if (factor === null || !Number.isFinite(factor)) return '-';
  return `${factor.toFixed(factor < 100 ? 1 : 0)}x`;
}

/** Bytes in decimal units: 4942000 -> "4.94 MB". */
export function formatBytes(bytes: number): string {
  const units = ['bytes', 'kB', 'MB', 'GB', 'TB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return unit === 0 ? `${formatCount(bytes)} bytes` : `${value.toPrecision(3)} ${units[unit]}`;
}

/** Seconds as a clock people read at a glance: 4.2 -> "4.2 s", 75 -> "1 min 15 s", 3700 -> "1 h 2 min". */
export function formatSeconds(seconds: number): string {
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  const minutes = Math.round(whole / 60);
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** Units a second: "312" or "4.3". */
export function formatRate(rate: number): string {
  return rate >= 100 ? formatCount(rate) : rate.toPrecision(2);
}

/** A difference of two shares in points of per cent, with its sign: -0.0075 -> "-0.75". */
export function formatPoints(difference: number, digits = 1): string {
  // Off by the last bit of a double, 0.7375 - 0.745 would round to the wrong side.
  const points = Math.round(difference * 1e10) / 1e8;
  return `${points > 0 ? '+' : ''}${points.toFixed(digits)}`;
}
