/** The declarations as a strict caller without Node's types compiles them. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { expect, it } from 'vitest';

const declarations = fileURLToPath(new URL('../../dist/index.js', import.meta.url));

/** What the options of every call may be where a caller has them or not. */
const CALLER = `
import { BayesianOptimizer, evaluate, exportModel, loadModel, tune, type ExportFormat, type ImageInput, type TuneOptions } from ${JSON.stringify(declarations)};

declare const count: number | undefined;
declare const signal: AbortSignal | undefined;
declare const pixels: ImageData;
declare const format: ExportFormat | undefined;
declare const file: Blob;
declare const bytes: ArrayBuffer;
const options: TuneOptions = { data: undefined, out: undefined, threads: count, signal };
for await (const event of tune({ ...options, rounds: count })) console.log(event.event);
await evaluate('model', { data: 'photos', batchSize: count, signal });
const model = await loadModel({ model: 'alexnet', weights: 'a.pth', partial: undefined, labels: undefined }, { threads: count });
const images: ImageInput[] = [pixels, file, bytes, new URL('file:///a.png'), 'a.png', new Uint8Array(1)];
await model.classify(images, { top: count, signal, settle: undefined });
const { bytes: written } = await exportModel({ model: 'alexnet', weights: 'a.pth' }, 'a.onnx', { format });
console.log(written.toFixed());
const optimizer = new BayesianOptimizer({ dimensions: 2, seed: 1, initial: count, objective: undefined });
optimizer.tell([0, 0], { objective: count, constraints: undefined, time: count, failed: undefined });
`;

it('compile for a caller with exactOptionalPropertyTypes and without types of Node', () => {
  const folder = mkdtempSync(join(tmpdir(), 'finepune-types-'));
  try {
    const caller = join(folder, 'caller.mts');
    writeFileSync(caller, CALLER);
    const program = ts.createProgram([caller], {
      target: ts.ScriptTarget.ES2022,
      module: ts.ModuleKind.NodeNext,
      moduleResolution: ts.ModuleResolutionKind.NodeNext,
      lib: ['lib.es2023.d.ts', 'lib.esnext.disposable.d.ts', 'lib.dom.d.ts'],
      strict: true,
      exactOptionalPropertyTypes: true,
      noEmit: true,
      types: [],
    });
    const messages = ts
      .getPreEmitDiagnostics(program)
      .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'));
    expect(messages).toEqual([]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
