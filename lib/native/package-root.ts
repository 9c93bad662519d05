import { fileURLToPath } from 'node:url';

/**
 * Folder of this package, with package.json, CMakeLists.txt and the `libtorch` link. The same from the sources
 * (lib/native) and from the compiled files (dist/native).
 */
export const packageRoot: string = fileURLToPath(new URL('../../', import.meta.url)).replace(/\/$/, '');
