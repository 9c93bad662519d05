/** What a network is exported to. Loads nothing, so that the command line can list it. */

import { extname } from 'node:path';
import { UsageError } from '../errors.js';

/** ONNX, or plain float32 .safetensors; each is the extension of its files. */
export const EXPORT_FORMATS = ['onnx', 'safetensors'] as const;
export type ExportFormat = (typeof EXPORT_FORMATS)[number];

/** @throws UsageError where the extension is that of no format */
export function formatByExtension(path: string): ExportFormat {
  const extension = extname(path).toLowerCase();
  const format = EXPORT_FORMATS.find((name) => extension === `.${name}`);
  if (format !== undefined) return format;
  const either = (prefix: string): string => EXPORT_FORMATS.map((name) => prefix + name).join(' or ');
  throw new UsageError(
    `${path}: its extension tells no format; end it in ${either('.')}, or give ${either('--format ')}`,
  );
}
