/** What is known of a data set's labels as one HTML page, in which a person decides on those that look wrong. */
export type { AuditFacts, AuditImage, AuditRate } from './facts.js';
export { auditPage } from './page.js';
