/** The HTTP API of a model. */
export { DEFAULT_LIMITS, type ServeLimits } from './limits.js';
export { createPredictionServer, type ServeSettings } from './prediction-server.js';
export { SimilarImages, type TrainingImage } from './similar.js';
