/** A run folder as one HTML page. */
export { htmlReport, type PageFacts } from './page.js';
export type { RepeatCommand, Setting } from './sections/provenance.js';
