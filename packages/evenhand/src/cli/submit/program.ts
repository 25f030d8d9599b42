// The program in a submission: `predict`, with the model that is in the same folder.
import { fileURLToPath } from 'node:url';
import { helpOf } from '../command.js';
import { predict } from '../commands/predict.js';
import { exitCodes } from '../output/errors.js';
import { runProgram } from '../output/streams.js';

const args = process.argv.slice(2);
const model = fileURLToPath(new URL('./model.onnx', import.meta.url));
await runProgram('predict', args, async () => {
  if (!args.includes('--help') && !args.includes('-h')) return predict.run([model, ...args]);
  process.stdout.write(helpOf({ ...predict, usage: ['predict --csv FILE [--images DIR] [OPTIONS]'] }));
  return exitCodes.done;
});
