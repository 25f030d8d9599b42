/** What every local server has: who may read and write, headers, files, events, start and stop. */
export { createServer, type Server, type ServerSettings } from './create-server.js';
export { type EventStream, openEventStream } from './event-stream.js';
export { sendProblemDocument } from './problem-document.js';
export { ServerError } from './server-error.js';
export { type Running, type StartOptions, startServer } from './start-server.js';
export { type MemoryFile, sendFile, serveFolder, serveMemory } from './static-files.js';
