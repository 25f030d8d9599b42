import { PassThrough } from 'node:stream';
import type { FastifyInstance, FastifyReply } from 'fastify';

export interface EventStream {
  /** Sends an event with a JSON value. Returns false, and sends nothing, while the reader is behind. */
  send(event: string, value: unknown): boolean;
  /** Aborted when the reader has left or the server stops. */
  readonly signal: AbortSignal;
  close(): void;
}

/** Proxies and laptops that slept end connections that are silent for long. */
const KEEP_ALIVE_MS = 15_000;

/** The open streams of each server. */
const open = new WeakMap<object, Set<PassThrough>>();

/** Answers a request with server-sent events. The stream ends when the server stops, so that it does not wait for it. */
export function openEventStream(reply: FastifyReply): EventStream {
  const streams = open.get(reply.server.server)!;
  const stream = new PassThrough();
  const abort = new AbortController();
  const keepAlive = setInterval(() => stream.writableNeedDrain || stream.write(':\n\n'), KEEP_ALIVE_MS).unref();
  streams.add(stream);
  stream.once('close', () => {
    clearInterval(keepAlive);
    streams.delete(stream);
    abort.abort();
  });
  stream.on('error', () => {});
  stream.write('retry: 2000\n\n');
  void reply
    .headers({ 'content-type': 'text/event-stream; charset=utf-8', 'x-accel-buffering': 'no', connection: 'close' })
    .send(stream);
  return {
    send(event, value) {
      if (stream.writableEnded || stream.destroyed || stream.writableNeedDrain) return false;
      stream.write(`event: ${event}\ndata: ${JSON.stringify(value)}\n\n`);
      return true;
    },
    signal: abort.signal,
    close: () => stream.end(),
  };
}

/** Lets the routes of a server open event streams, and ends them when it stops. */
export function prepareEventStreams(app: FastifyInstance): void {
  const streams = new Set<PassThrough>();
  open.set(app.server, streams);
  app.addHook('preClose', async () => {
    for (const stream of streams) stream.end();
  });
}
