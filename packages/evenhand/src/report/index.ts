/** From a run folder, or from what is known of labels, to what a person reads. */
export { type AuditFacts, type AuditImage, type AuditRate, auditPage } from './audit/index.js';
export type { Page } from './page/document.js';
export { htmlReport, type PageFacts, type RepeatCommand, type Setting } from './run/index.js';
export { type SubmissionFacts, submissionReport } from './submission/submission.js';
export { isSuspect } from './suspect.js';
