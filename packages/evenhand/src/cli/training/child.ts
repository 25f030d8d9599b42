// The process that trains. What it finds goes to the command line that started it, which shows it.
import { resume, train } from '../../workflows/index.js';
import { tell } from '../output/errors.js';
import type { FromTraining, Job, ToTraining } from './protocol.js';

const stop = new AbortController();

// A terminal sends these to every process of the command. The parent decides what they mean.
process.on('SIGINT', () => {});
process.on('SIGHUP', () => {});
process.on('SIGTERM', () => stop.abort());
// Without the parent nobody waits for the result: save and end.
process.on('disconnect', () => stop.abort());

process.on('message', (message: ToTraining) => {
  if (message.type === 'stop') stop.abort();
  else void work(message.job);
});

async function work({ run, config }: Job): Promise<void> {
  const options = {
    run,
    signal: stop.signal,
    onEvent: (event: Extract<FromTraining, { type: 'event' }>['event']) => send({ type: 'event', event }),
  };
  try {
    const result = await (config === undefined ? resume(options) : train({ ...options, config }));
    send({ type: 'done', result }, end);
  } catch (error) {
    send({ type: 'failed', told: tell(error) }, end);
  }
}

function send(message: FromTraining, sent: () => void = () => {}): void {
  if (process.connected) process.send!(message, undefined, undefined, sent);
  else sent();
}

function end(): void {
  process.exit(0);
}
