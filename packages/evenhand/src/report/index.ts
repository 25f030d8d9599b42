/** From a run folder to what a person reads. */
export type { Page } from './document.js';
export { htmlReport, type PageFacts, type RepeatCommand, type Setting } from './html/index.js';
export { type SubmissionFacts, submissionReport } from './submission.js';
