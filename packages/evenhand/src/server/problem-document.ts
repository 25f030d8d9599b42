import { STATUS_CODES } from 'node:http';
import type { FastifyReply } from 'fastify';

/** Refuses a request by an RFC 9457 document. @param detail one sentence */
export const sendProblemDocument = (reply: FastifyReply, status: number, detail: string): FastifyReply =>
  reply
    .code(status)
    .type('application/problem+json')
    .send(JSON.stringify({ type: 'about:blank', title: STATUS_CODES[status] ?? 'Error', status, detail }));
