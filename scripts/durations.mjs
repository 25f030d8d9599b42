// A reporter of Node's test runner that writes how many seconds each test file took, for the order of the next run.
// Source maps are on, so a file goes by its source.
import { relative } from 'node:path';

export default async function* durations(events) {
  const seconds = {};
  for await (const { type, data } of events) {
    if ((type !== 'test:pass' && type !== 'test:fail') || data.nesting !== 0 || data.file === undefined) continue;
    const file = relative(process.cwd(), data.file);
    seconds[file] = (seconds[file] ?? 0) + data.details.duration_ms / 1000;
  }
  yield `${JSON.stringify(seconds, null, 1)}\n`;
}
