/** The part of a stream that output needs, so that a test can stand in for it. */
export interface OutputStream {
  write(text: string): unknown;
  isTTY?: boolean;
  columns?: number;
}
