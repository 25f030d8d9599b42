/** From a model to an ONNX file. */
export { type ExportOptions, exportOnnx } from './export-onnx.js';
export { ExportError } from './graph.js';
