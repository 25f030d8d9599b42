/** A run folder as one HTML page. */
export type { ShellCommand, ShellPaths } from './analysis/next-steps.js';
export { htmlReport, type PageFacts } from './page.js';
export type { Setting } from './sections/repeat.js';
