import { join } from 'node:path';
import type { Audit } from '../../workflows/index.js';
import { nameOf } from './text.js';

/** The part of audit.json that other commands read. */
export interface AuditSummary {
  /** Fingerprint of the data: see `fingerprintOf`. */
  readonly fingerprint: string;
  /** Whether the training labels have systematic errors. */
  readonly noisy: boolean;
  readonly rate: Audit['train']['rate'];
}

/** The default output folder of an audit of `data`. */
export const auditFolder = (data: string): string => join('audits', nameOf(data));
