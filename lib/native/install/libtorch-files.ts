/** Libraries that only Python, its tests or another language needs. */
const unneededLibrary = /_python|_test|libshm|backend_with_compiler|custom_ops|jni/;

/**
 * Path within a libtorch folder for an entry of an archive whose libtorch lies in the folder `prefix` ("torch" in a
 * wheel, "libtorch" in the C++ archive); null for what compiling and running need not.
 */
export function placeOfEntry(prefix: string, entry: string): string | null {
  if (!entry.startsWith(`${prefix}/`)) return null;
  const path = entry.slice(prefix.length + 1);
  if (/^lib\/lib[^/]+\.so[\d.]*$/.test(path)) return unneededLibrary.test(path) ? null : path;
  return /^(include|share)\/./.test(path) ? path : null;
}
