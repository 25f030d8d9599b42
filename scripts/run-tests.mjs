// Runs test files in the order given, which `node --test` does not: it sorts them by their paths.
// node scripts/run-tests.mjs REPORT DURATIONS FILE...
import { createWriteStream } from 'node:fs';
import { availableParallelism } from 'node:os';
import { Duplex } from 'node:stream';
import { run } from 'node:test';
import { spec, tap } from 'node:test/reporters';
import durations from './durations.mjs';

const [report, measured, ...files] = process.argv.slice(2);
const events = run({ files, concurrency: availableParallelism() });
events.on('test:fail', () => {
  process.exitCode = 1;
});
events.pipe(new spec()).pipe(process.stdout);
events.pipe(Duplex.from(tap)).pipe(createWriteStream(report));
events.pipe(Duplex.from(durations)).pipe(createWriteStream(measured));
