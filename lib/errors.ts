/**
 * Every error a caller can meet, one class a cause, each with a stable `code`.
 *
 * A message is one line: what went wrong, where, and how to mend it. The command line prints it after
 * `error CODE:` and exits with `exitCode`.
 */

/** Stable codes users may script against. */
export type FinepuneErrorCode =
  | 'E_USAGE'
  | 'E_DATA'
  | 'E_IMAGE'
  | 'E_WEIGHTS'
  | 'E_SPEC'
  | 'E_MODEL_FILE'
  | 'E_DEVICE'
  | 'E_OOM'
  | 'E_NATIVE'
  | 'E_INSTALL'
  | 'E_BUSY'
  | 'E_DISPOSED'
  | 'E_RUN'
  | 'E_IO'
  | 'E_NUMERICS'
  | 'E_ABORTED'
  | 'E_INTERNAL';

/** Base class; `instanceof FinepuneError` tells ours from anybody else's. */
export class FinepuneError extends Error {
  readonly code: FinepuneErrorCode;
  /** Exit status the command line uses for this error: 2 for wrong usage, 130 for an interrupt, else 1. */
  readonly exitCode: number = 1;

  constructor(code: FinepuneErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
    this.code = code;
  }
}

/** A flag, option or argument has a value that cannot be used. */
export class UsageError extends FinepuneError {
  override readonly exitCode: number = 2;
  constructor(message: string, options?: ErrorOptions) {
    super('E_USAGE', message, options);
  }
}

/** The data folder cannot be used: missing, empty, one class only, a layout nobody knows. */
export class DataError extends FinepuneError {
  constructor(message: string, options?: ErrorOptions) {
    super('E_DATA', message, options);
  }
}

/** One image cannot be decoded. `path` names it where it came from a file. */
export class ImageError extends FinepuneError {
  readonly path: string | undefined;
  constructor(message: string, path?: string, options?: ErrorOptions) {
    super('E_IMAGE', message, options);
    this.path = path;
  }
}

/** A weight file is damaged, of an unknown kind, or does not fit the network. */
export class WeightsError extends FinepuneError {
  constructor(message: string, options?: ErrorOptions) {
    super('E_WEIGHTS', message, options);
  }
}

/** A model spec is wrong. `node` names the node at fault where there is one. */
export class SpecError extends FinepuneError {
  readonly node: string | undefined;
  constructor(message: string, node?: string, options?: ErrorOptions) {
    super('E_SPEC', message, options);
    this.node = node;
  }
}

/** A model file written by this package is damaged or of a version this one cannot read. */
export class ModelFileError extends FinepuneError {
  constructor(message: string, options?: ErrorOptions) {
    super('E_MODEL_FILE', message, options);
  }
}

/** The device asked for is not there. Never answered by running elsewhere. */
export class DeviceError extends FinepuneError {
  constructor(message: string, options?: ErrorOptions) {
    super('E_DEVICE', message, options);
  }
}

/** Memory ran out, on the host or on the device. */
export class OutOfMemoryError extends FinepuneError {
  constructor(message: string, options?: ErrorOptions) {
    super('E_OOM', message, options);
  }
}

/** The native addon or libtorch cannot be loaded. */
export class NativeLoadError extends FinepuneError {
  constructor(message: string, options?: ErrorOptions) {
    super('E_NATIVE', message, options);
  }
}

/** Installing libtorch or building the addon failed. */
export class InstallError extends FinepuneError {
  constructor(message: string, options?: ErrorOptions) {
    super('E_INSTALL', message, options);
  }
}

/** A session is running one slice already. */
export class BusyError extends FinepuneError {
  constructor(message: string, options?: ErrorOptions) {
    super('E_BUSY', message, options);
  }
}

/** A session or model was used after `dispose()`. */
export class DisposedError extends FinepuneError {
  constructor(message: string, options?: ErrorOptions) {
    super('E_DISPOSED', message, options);
  }
}

/** A run directory cannot be used: held by another process, of another configuration, damaged. */
export class RunError extends FinepuneError {
  constructor(message: string, options?: ErrorOptions) {
    super('E_RUN', message, options);
  }
}

/** Reading or writing a file failed: permissions, a full disk. */
export class FileError extends FinepuneError {
  readonly path: string;
  constructor(message: string, path: string, options?: ErrorOptions) {
    super('E_IO', message, options);
    this.path = path;
  }
}

/** A computation left the range in which its numbers mean anything. */
export class NumericsError extends FinepuneError {
  constructor(message: string, options?: ErrorOptions) {
    super('E_NUMERICS', message, options);
  }
}

/** Stopped at the caller's wish, after a checkpoint where there is a run. */
export class AbortedError extends FinepuneError {
  override readonly exitCode: number = 130;
  constructor(message: string, options?: ErrorOptions) {
    super('E_ABORTED', message, options);
  }
}

/** A fault of this package; please report it. */
export class InternalError extends FinepuneError {
  constructor(message: string, options?: ErrorOptions) {
    super('E_INTERNAL', message, options);
  }
}

/** The sentence of an unknown thrown value, for use in another error's message. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

/** Longer text is cut in a message. */
const LONGEST_TEXT = 80;

/** What was received, in a few words for an error's message: text in quotes, numbers as they are, objects by their class. */
export function describeValue(value: unknown): string {
  if (typeof value === 'string') {
    return value.length > LONGEST_TEXT ? `${JSON.stringify(value.slice(0, LONGEST_TEXT))}...` : JSON.stringify(value);
  }
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value === 'function') return 'a function';
  if (Array.isArray(value)) return 'an array';
  if (typeof value !== 'object' || value === null) return String(value);
  const { constructor } = value as { constructor?: unknown };
  const known = typeof constructor === 'function' && constructor !== Object && constructor.name !== '';
  return known ? `an instance of ${constructor.name}` : 'an object';
}
