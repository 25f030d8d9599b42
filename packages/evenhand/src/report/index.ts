/** From a run folder, or from what is known of labels, to what a person reads. */
export { type AuditFacts, type AuditImage, type AuditRate, auditPage } from './audit/index.js';
export type { Page } from './document.js';
export { htmlReport, type PageFacts, type RepeatCommand, type Setting } from './html/index.js';
export { type SubmissionFacts, submissionReport } from './submission.js';
export { isSuspect } from './suspect.js';
