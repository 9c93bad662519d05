/** An error as the one line that users and scripts read. */

import type { FinepuneError } from '../../errors.js';

/** "error CODE: message". */
export function errorLine({ code, message }: FinepuneError): string {
  return `error ${code}: ${oneLine(message)}`;
}

/** A text with its line ends, such as those of a file's name, made spaces. */
export function oneLine(text: string): string {
  return text.replaceAll(/\s*[\r\n]\s*/g, ' ').trim();
}
