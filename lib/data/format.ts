import { extname } from 'node:path';

/** Image formats that are read. */
export type ImageFormat = 'jpeg' | 'png' | 'tiff' | 'webp' | 'bmp';

const EXTENSIONS = new Set(['.jpg', '.jpeg', '.jpe', '.jfif', '.png', '.tif', '.tiff', '.webp', '.bmp', '.dib']);

/** Of image formats that are not read: what to expect where photographs, scans and drawings are kept, not everything there is. */
const IGNORED_EXTENSIONS = new Set(
  (
    '.gif .apng .heic .heif .hif .avif .jxl .jp2 .j2k .jpf .jpx .jxr .psd .psb .xcf .svg .svgz .eps .tga .ico .pcx .ppm .pgm ' +
    '.pbm .pnm .exr .hdr .qoi .dcm .dng .cr2 .cr3 .crw .nef .nrw .arw .srf .sr2 .orf .rw2 .raf .pef .srw .x3f .3fr .erf .kdc'
  ).split(' '),
);

/** Extensions for messages to the user. */
export const EXTENSION_LIST = '.jpg, .png, .tif, .webp or .bmp';

/** Whether a file of this name is taken for an image when a folder is listed. Hidden files never are. */
export function hasImageExtension(name: string): boolean {
  return !name.startsWith('.') && EXTENSIONS.has(extname(name).toLowerCase());
}

/** Whether a file of this name is an image of a format that is not read. Hidden files never are. */
export function hasIgnoredExtension(name: string): boolean {
  return !name.startsWith('.') && IGNORED_EXTENSIONS.has(extname(name).toLowerCase());
}

/** The format by the file's first bytes, whatever its name says; undefined for anything else. */
export function imageFormat(bytes: Buffer): ImageFormat | undefined {
  const starts = (text: string, offset = 0) =>
    bytes.length >= offset + text.length && bytes.toString('latin1', offset, offset + text.length) === text;
  if (starts('\xff\xd8\xff')) return 'jpeg';
  if (starts('\x89PNG\r\n\x1a\n')) return 'png';
  if (starts('II*\0') || starts('MM\0*') || starts('II+\0') || starts('MM\0+')) return 'tiff';
  if (starts('RIFF') && starts('WEBP', 8)) return 'webp';
  if (starts('BM')) return 'bmp';
  return undefined;
}
