import { join } from 'node:path';
import type { Audit } from '../../workflows/index.js';
import { nameOf } from './text.js';

/** What audit.json holds, as far as others read it. */
export interface AuditSummary {
  /** Of the data: see `fingerprintOf`. */
  readonly fingerprint: string;
  /** Whether wrong labels were found in training. */
  readonly noisy: boolean;
  readonly rate: Audit['train']['rate'];
}

/** Where an audit of `data` is kept unless the user says where. */
export const auditFolder = (data: string): string => join('audits', nameOf(data));
