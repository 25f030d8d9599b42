import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { type UnlabelledSource, unlabelledCsv, unlabelledFiles } from '../../data/index.js';
import type { Command } from '../command.js';
import { parseFlags } from '../options/flags.js';
import { exitCodes } from '../output/errors.js';
import { continueWithoutOutput } from '../output/streams.js';
import { endNow } from '../predict/end-now.js';
import { type PredictSettings, predictFlags, readSettings } from '../predict/flags.js';
import { PredictionJob } from '../predict/job.js';
import { mergeShards } from '../predict/merge.js';
import { type OpenedModel, openModel } from '../predict/open.js';
import { Watch } from '../predict/watch.js';

export const predict: Command = {
  name: 'predict',
  usage: ['predict MODEL IMAGE|FOLDER... [OPTIONS]', 'predict MODEL --csv FILE [--images DIR] [OPTIONS]'],
  about: [
    'Classifies images with a trained model. MODEL is a run folder or a model.onnx file. Predictions are printed, or ' +
      'written to a CSV file with --csv or --out. No network is needed.',
    'An image that is missing or unreadable does not stop the command: it is assigned the most frequent class of the ' +
      'training data and reported, and the exit code is 3. If the command is interrupted, --resume continues it.',
  ],
  flags: predictFlags,
  async run(args) {
    const settings = await readSettings(parseFlags('predict', args, predictFlags));
    if (settings.out !== undefined) continueWithoutOutput();
    const watch = new Watch(settings.timeLimit, giveUp);
    let opened: OpenedModel | undefined;
    try {
      const { csv, paths } = settings;
      const source = csv === undefined ? await unlabelledFiles(paths) : await unlabelledCsv(csv, settings);
      const { count, fingerprint } = await readThrough(source, watch);
      if (settings.merge) return await mergeShards(settings, source, count, fingerprint);
      opened = await openModel(settings, count);
      return await new PredictionJob(settings, source, count, opened, watch).run(fingerprint);
    } finally {
      watch.stop();
      await release(opened, settings);
    }
  },
};

/** The number of images and a hash of their list. It reads the source once, so that errors show before the work starts. */
async function readThrough(source: UnlabelledSource, watch: Watch): Promise<{ count: number; fingerprint: string }> {
  const hash = createHash('sha256');
  let count = 0;
  for await (const { id, file } of source.rows()) {
    watch.progress();
    hash.update(`${id}\0${file}\n`);
    count++;
  }
  return { count, fingerprint: hash.digest('hex') };
}

/** How long the model may take to close under a time limit, in milliseconds. */
const CLOSING = 3000;

/** Closes the model. With a time limit, a read that never returns does not keep the program alive. */
async function release(opened: OpenedModel | undefined, { timeLimit }: PredictSettings): Promise<void> {
  const closing = opened?.model?.close();
  if (timeLimit === undefined) return closing;
  const waiting = new AbortController();
  const late = sleep(CLOSING, true, { signal: waiting.signal }).catch(() => false);
  const isLate = await Promise.race([Promise.resolve(closing).then(() => false), late]);
  waiting.abort();
  // The output is written by then. The end of the event loop would wait for such a read, so it must not come first.
  const timer = setTimeout(() => endNow(Number(process.exitCode ?? exitCodes.done)), isLate ? 100 : CLOSING);
  if (!isLate) timer.unref();
}

/** For input that cannot even be read before the time limit. */
function giveUp(): never {
  process.stderr.write(
    'evenhand: the time limit has passed, but a file of the input is still being read; copy the input to a local disk\n',
  );
  return endNow(exitCodes.failure);
}
