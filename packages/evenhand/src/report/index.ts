/** From a run folder, or from what is known of labels, to what a person reads. */
import type { auditPage as writeAuditPage } from './audit/index.js';
import type { htmlReport as writeReport } from './run/index.js';
import type { submissionReport as writeSubmission } from './submission/submission.js';

export type { AuditFacts, AuditImage, AuditRate } from './audit/index.js';
export type { Page } from './page/document.js';
export type { PageFacts, RepeatCommand, Setting } from './run/index.js';
export type { SubmissionFacts } from './submission/submission.js';
export { isSuspect } from './suspect.js';

// Charts and PDF need libraries that take more than a second to load, so each page is loaded when it is asked for.

/** A run folder as one HTML page that needs nothing besides itself. Throws a `RunError` if the folder cannot be read. */
export const htmlReport: typeof writeReport = async (run, facts) =>
  (await import('./run/index.js')).htmlReport(run, facts);

/** The page in which a person goes through the labels that are probably wrong and decides on each. */
export const auditPage: typeof writeAuditPage = async (facts) => (await import('./audit/index.js')).auditPage(facts);

/** The two-page report on a run that goes with a submission, as a PDF. */
export const submissionReport: typeof writeSubmission = async (run, facts) =>
  (await import('./submission/submission.js')).submissionReport(run, facts);
