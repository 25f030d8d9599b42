/** From a run folder to what a person reads. */
export { htmlReport, type Page, type PageFacts, type RepeatCommand, type Setting } from './html/index.js';
export { type SubmissionFacts, submissionReport } from './submission.js';
