export type { ModelInput, ModelNode, ModelSpec, OperatorName } from './spec-types.js';
export { validateSpec } from './validate-spec.js';
export { elementsOf, inferShapes, parameterShapes, topologicalOrder, type ParameterShape } from './shapes.js';
export { classCount, listModels, loadSpec, toGraph, toNormalization, withClasses } from './spec.js';
