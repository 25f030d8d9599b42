/** The label errors of a data set as one HTML page, on which a person reviews them. */
export type { AuditFacts, AuditImage, AuditRate, Candidate } from './facts.js';
export { auditPage } from './page.js';
