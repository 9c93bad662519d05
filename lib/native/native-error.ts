/** Errors of the addon, which carry a `code`, as the classes of errors.ts with the stack of whoever called. */
import {
  BusyError,
  DataError,
  DeviceError,
  DisposedError,
  FileError,
  type FinepuneError,
  type FinepuneErrorCode,
  InternalError,
  messageOf,
  ModelFileError,
  NumericsError,
  OutOfMemoryError,
  SpecError,
  UsageError,
  WeightsError,
} from '../errors.js';

type Construct = (message: string, options: ErrorOptions) => FinepuneError;

/** The codes C++ gives out; any other is a fault of ours. */
const classes: Partial<Record<FinepuneErrorCode, Construct>> = {
  E_USAGE: (message, options) => new UsageError(message, options),
  E_DATA: (message, options) => new DataError(message, options),
  E_SPEC: (message, options) => new SpecError(message, undefined, options),
  E_WEIGHTS: (message, options) => new WeightsError(message, options),
  E_MODEL_FILE: (message, options) => new ModelFileError(message, options),
  E_DEVICE: (message, options) => new DeviceError(message, options),
  E_OOM: (message, options) => new OutOfMemoryError(message, options),
  E_BUSY: (message, options) => new BusyError(message, options),
  E_DISPOSED: (message, options) => new DisposedError(message, options),
  E_NUMERICS: (message, options) => new NumericsError(message, options),
};

/** Holds a stack taken when a call was made. */
export interface CallSite {
  stack?: string;
}

/** The stack above `callee`, taken now: rejections come from another thread and have none of their own. */
export function callSite(callee: (...parameters: never[]) => unknown): CallSite {
  const site: CallSite = {};
  Error.captureStackTrace(site, callee);
  return site;
}

/**
 * The typed error of what the addon threw or rejected with.
 * @param path the file the call was about, for E_IO.
 */
export function fromNative(thrown: unknown, site: CallSite, path = ''): FinepuneError {
  const code = (thrown as { code?: unknown } | null)?.code;
  const message = messageOf(thrown);
  const options = { cause: thrown };
  const construct = classes[code as FinepuneErrorCode];
  let error: FinepuneError;
  if (construct !== undefined) {
    error = construct(message, options);
  } else if (code === 'E_IO') {
    error = new FileError(message, path, options);
  } else {
    error = new InternalError(message, options);
  }
  // A captured stack begins with a line for the (nameless) holder; ours names the error.
  const frames = site.stack?.split('\n').slice(1).join('\n');
  if (frames !== undefined) error.stack = `${error.name}: ${message}\n${frames}`;
  return error;
}
