/** From a run folder to what a person reads. */
export { type SubmissionFacts, submissionReport } from './submission.js';
