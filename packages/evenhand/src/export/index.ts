/** From a model to an ONNX file. */
export { type EnsembleMember, type ExportOptions, exportEnsemble, exportOnnx } from './export-onnx.js';
export { ExportError } from './graph.js';
