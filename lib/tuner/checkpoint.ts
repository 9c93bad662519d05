/**
 * Saving and restoring everything a run needs to go on: tensors of the session and where the loop stands.
 *
 * One safetensors file, replaced whole, so that a kill at any moment leaves the one before or the new one.
 */
import { existsSync } from 'node:fs';
import { RunError } from '../errors.js';
import {
  type SafetensorsTensor,
  readSafetensorsHeader,
  readSafetensorsTensor,
  writeSafetensors,
} from '../models/safetensors.js';
import type { ParameterDescription, TensorRole } from '../native/addon.js';
import type { Session } from '../native/session.js';

/** Which roles a checkpoint holds: all of them, or only what running the network needs. */
export type CheckpointKind = 'training' | 'weights';

/** A parameter as it was when it was copied. */
export interface WeightTensor {
  name: string;
  shape: number[];
  data: Float32Array;
}

const VERSION = '3';

/** Roles that exist for a parameter. The parameter of a prunable weight is W o T: shadow and mask say it already. */
function rolesOf(parameter: ParameterDescription, kind: CheckpointKind): TensorRole[] {
  if (kind === 'weights') return ['parameter'];
  const trained = parameter.kind !== 'running_mean' && parameter.kind !== 'running_var';
  const values: TensorRole[] = parameter.prunable ? ['shadow', 'mask'] : ['parameter'];
  return trained ? [...values, 'momentum'] : values;
}

/**
 * Writes the session's tensors, of null none, and `progress` (any JSON value) to `path`, atomically.
 * @throws FileError on a full disk or an unwritable folder; what stood at `path` stays.
 */
export async function saveCheckpoint(path: string, session: Session | null, progress: object): Promise<void> {
  await writeSafetensors(path, session === null ? [] : trainedTensors(session), metadataOf('training', progress));
}

function trainedTensors(session: Session): SafetensorsTensor[] {
  const entries = session
    .describeParameters()
    .flatMap((parameter) => rolesOf(parameter, 'training').map((role) => ({ role, parameter })));
  return entries.map(({ role, parameter }) => ({
    name: `${role}/${parameter.name}`,
    dtype: role === 'mask' ? ('U8' as const) : ('F32' as const),
    shape: parameter.shape,
    // Fetched when its turn comes, so that no second copy of the network is held at once.
    data: async () => (await session.getTensors({ role, names: [parameter.name] }))[parameter.name],
  }));
}

/** What weights are copied from. */
export type WeightSource = Pick<Session, 'describeParameters' | 'getTensors'>;

/** A copy of the session's weights, as much memory as they take. */
export async function copyWeights(session: WeightSource): Promise<WeightTensor[]> {
  const tensors: WeightTensor[] = [];
  for (const { name, shape } of session.describeParameters()) {
    const data = (await session.getTensors({ role: 'parameter', names: [name] }))[name];
    if (!(data instanceof Float32Array)) throw new TypeError(`expected float32 values for ${name}`);
    tensors.push({ name, shape, data });
  }
  return tensors;
}

/**
 * Writes a checkpoint of weights alone to `path`, atomically.
 * @throws FileError on a full disk or an unwritable folder; what stood at `path` stays.
 */
export async function saveWeights(path: string, tensors: readonly WeightTensor[]): Promise<void> {
  await writeSafetensors(
    path,
    tensors.map(({ name, shape, data }) => ({
      name: `parameter/${name}`,
      dtype: 'F32' as const,
      shape,
      data: () => Promise.resolve(data),
    })),
    metadataOf('weights', {}),
  );
}

function metadataOf(kind: CheckpointKind, progress: object): Record<string, string> {
  return { 'finepune.checkpoint': VERSION, kind, progress: JSON.stringify(progress) };
}

/** Where the loop stood when the checkpoint was written, or null where there is none. */
export async function readCheckpointProgress(path: string): Promise<unknown> {
  if (!existsSync(path)) return null;
  const header = await readSafetensorsHeader(path);
  const { progress } = header.metadata as Record<string, string | undefined>;
  if (header.metadata['finepune.checkpoint'] !== VERSION || progress === undefined) {
    throw new RunError(`${path} is not a checkpoint this version can read; start the run again in another folder`);
  }
  return JSON.parse(progress) as unknown;
}

/**
 * Puts a checkpoint's tensors into a session of the same network. Masks are written last: setting weights leaves them as
 * they are, and thresholds are the caller's to set before (setThresholds refreshes masks, this then overrides them).
 * @throws RunError naming a tensor that the checkpoint lacks.
 */
export async function restoreCheckpoint(path: string, session: Session, kind: CheckpointKind): Promise<void> {
  const header = await readSafetensorsHeader(path);
  const order: TensorRole[] = ['parameter', 'shadow', 'momentum', 'mask'];
  for (const role of order) {
    for (const parameter of session.describeParameters()) {
      if (!rolesOf(parameter, kind).includes(role)) continue;
      const name = `${role}/${parameter.name}`;
      if (!header.tensors.has(name)) {
        throw new RunError(
          `${path} lacks ${name}; it was written for another network, start the run again in another folder`,
        );
      }
      const { data } = await readSafetensorsTensor(path, header, name);
      await session.setTensors({ role, tensors: { [parameter.name]: data } });
    }
  }
}

/** The parameters of a checkpoint of weights, by name. */
export async function readParameters(path: string): Promise<Map<string, { shape: number[]; data: Float32Array }>> {
  const prefix = 'parameter/';
  const header = await readSafetensorsHeader(path);
  const parameters = new Map<string, { shape: number[]; data: Float32Array }>();
  for (const entry of header.tensors.keys()) {
    const { shape, data } = await readSafetensorsTensor(path, header, entry);
    if (!entry.startsWith(prefix) || !(data instanceof Float32Array)) {
      throw new RunError(`${path}: ${entry} is not a parameter; start the run again in another folder`);
    }
    parameters.set(entry.slice(prefix.length), { shape, data });
  }
  return parameters;
}
