// The training process. It sends its events and its result to the command line that started it, which shows them.
import { distributed } from '@evenhand/torch';
import { chooseDevice, flagName, TrainingError } from '../../train/index.js';
import { resume, train } from '../../workflows/index.js';
import { reportError } from '../output/errors.js';
import { settingsAsFlags } from '../output/settings-as-flags.js';
import { launched } from './launcher.js';
import type { FromTraining, Job, ToTraining } from './protocol.js';

const stop = new AbortController();

// A terminal sends these to every process of the command. The parent decides what to do.
process.on('SIGINT', () => {});
process.on('SIGHUP', () => {});
process.on('SIGTERM', () => stop.abort());
// Without the parent nobody waits for the result: save and exit.
process.on('disconnect', () => stop.abort());

process.on('message', (message: ToTraining) => {
  if (message.type === 'stop') stop.abort();
  else void work(message.job);
});

async function work(job: Job): Promise<void> {
  const { run, config, changes = {}, resumeIfExists = false } = job;
  let group: distributed.ProcessGroup | null = null;
  const options = {
    run,
    signal: stop.signal,
    onEvent: (event: Extract<FromTraining, { type: 'event' }>['event']) => send({ type: 'event', event }),
  };
  try {
    group = joinOthers(job);
    const together = { ...options, group };
    const result = await (config === undefined
      ? resume({ ...together, changes })
      : train({ ...together, config, resumeIfExists }));
    group?.destroy();
    send({ type: 'done', result }, exit);
  } catch (error) {
    const report = reportError(error);
    // The trainer names settings as in a configuration, the user has typed flags.
    const text = error instanceof TrainingError ? settingsAsFlags(report.text) : report.text;
    group?.reportFailure(text);
    const resumeFlags = error instanceof TrainingError && error.resumeWith ? flagsOf(error.resumeWith) : undefined;
    send({ type: 'failed', report: { ...report, text, ...(resumeFlags === undefined ? {} : { resumeFlags }) } }, exit);
  }
}

/** Joins the processes that a launcher started for this training; null if none did. */
function joinOthers({ config, changes, timeoutSeconds }: Job): distributed.ProcessGroup | null {
  const environment = launched();
  if (!environment) return null;
  const device = chooseDevice(config?.device ?? changes?.device ?? 'auto', environment);
  return distributed.initProcessGroup({
    environment,
    device,
    ...(timeoutSeconds === undefined ? {} : { timeoutSeconds }),
  });
}

/** Settings as they are typed. */
const flagsOf = (settings: object): string =>
  Object.entries(settings)
    .map(([name, value]) => `--${flagName(name)} ${value}`)
    .join(' ');

function send(message: FromTraining, onSent: () => void = () => {}): void {
  if (process.connected) process.send!(message, undefined, undefined, onSent);
  else onSent();
}

function exit(): void {
  process.exit(0);
}
