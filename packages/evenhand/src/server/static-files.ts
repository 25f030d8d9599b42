import { constants, type FileHandle, open, realpath } from 'node:fs/promises';
import { extname, resolve, sep } from 'node:path';
import type { FastifyInstance, FastifyReply } from 'fastify';
import type { Access } from './access.js';

export interface MemoryFile {
  /** The media type: `text/javascript; charset=utf-8`. */
  readonly type: string;
  readonly body: string | Uint8Array;
}

/** Serves files from memory by their paths, such as `/board.js`. */
export function serveMemory(
  app: FastifyInstance,
  files: Readonly<Record<string, MemoryFile>>,
  access: Access = 'read',
): void {
  for (const [path, { type, body }] of Object.entries(files)) {
    const bytes = typeof body === 'string' ? Buffer.from(body) : Buffer.from(body.buffer, body.byteOffset, body.length);
    app.get(path, { config: { access } }, (_request, reply) => reply.type(type).send(bytes));
  }
}

/** Serves the files of a folder below a prefix, such as `/model/`: `index.html` for the prefix itself. */
export function serveFolder(app: FastifyInstance, prefix: string, folder: string, access: Access = 'read'): void {
  app.get<{ Params: { '*': string } }>(`${prefix}*`, { config: { access } }, (request, reply) =>
    sendFile(reply, folder, request.params['*'] || 'index.html'),
  );
}

const types: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.csv': 'text/csv; charset=utf-8',
  '.gif': 'image/gif',
  '.html': 'text/html; charset=utf-8',
  '.ico': 'image/x-icon',
  '.jpeg': 'image/jpeg',
  '.jpg': 'image/jpeg',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain; charset=utf-8',
  '.wasm': 'application/wasm',
  '.webmanifest': 'application/manifest+json; charset=utf-8',
  '.webp': 'image/webp',
};

/**
 * Sends a file of a folder, or 404 if `path` leads out of the folder, by `..` or by a link, or to anything but a file.
 *
 * @param path relative to `folder`, not URL-encoded
 */
export async function sendFile(reply: FastifyReply, folder: string, path: string): Promise<FastifyReply> {
  const file = await openInside(folder, path);
  if (file === undefined) {
    reply.callNotFound();
    return reply;
  }
  const { size } = await file.stat();
  reply.type(types[extname(path).toLowerCase()] ?? 'application/octet-stream').header('content-length', size);
  // At most the announced size, even if the file grows.
  return reply.send(file.createReadStream({ end: Math.max(0, size - 1) }));
}

async function openInside(folder: string, path: string): Promise<FileHandle | undefined> {
  // A NUL would be an error of Node, and a backslash or a colon may separate folders or name streams on Windows.
  if (/[\0\\:]/.test(path)) return undefined;
  let file: FileHandle | undefined;
  try {
    const root = await realpath(folder);
    const real = await realpath(resolve(root, `./${path}`));
    if (!real.startsWith(root.endsWith(sep) ? root : root + sep)) return undefined;
    // A file that becomes a link now is not followed, and a named pipe is not waited for.
    file = await open(real, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0));
    if ((await file.stat()).isFile()) return file;
  } catch {
    // Whatever the reason, there is nothing to serve.
  }
  await file?.close();
  return undefined;
}
