/** HTML pages on a run and on label errors, and the PDF of a submission. */
import type { auditPage as writeAuditPage } from './audit/index.js';
import type { htmlReport as writeReport } from './run/index.js';
import type { submissionReport as writeSubmission } from './submission/submission.js';

export { likeliestCandidates } from './audit/candidates.js';
export type { AuditFacts, AuditImage, AuditRate, Candidate } from './audit/index.js';
export type {
  AuditEntry,
  ChangedClass,
  ChangedImage,
  ComparedRun,
  Comparison,
  RunFacts,
  RunState,
  RunSummary,
} from './board/facts.js';
export { isLikelyError } from './label-errors.js';
export type { Page } from './page/document.js';
export type { PageFacts, Setting, ShellCommand, ShellPaths } from './run/index.js';
export type { SubmissionFacts } from './submission/submission.js';
export type { TryFacts } from './try/facts.js';

// Charts and PDF need libraries that take more than a second to load, so each page is loaded when it is asked for.

/** A run folder as one self-contained HTML page. Throws a `RunError` if the folder cannot be read. */
export const htmlReport: typeof writeReport = async (run, facts) =>
  (await import('./run/index.js')).htmlReport(run, facts);

/** The page on which a person reviews likely label errors. */
export const auditPage: typeof writeAuditPage = async (facts) => (await import('./audit/index.js')).auditPage(facts);

/** The two-page report on a run that goes with a submission, as a PDF. */
export const submissionReport: typeof writeSubmission = async (run, facts) =>
  (await import('./submission/submission.js')).submissionReport(run, facts);

/** The pages of the board. */
export const boardPages = () => import('./board/index.js');

/** The page on which a person tries a model, with its script and style. */
export const tryPages = () => import('./try/index.js');
