// The program of a submission: `predict`, with the model that lies beside it.
import { fileURLToPath } from 'node:url';
import { helpOf } from '../command.js';
import { predict } from '../commands/predict.js';
import { tell } from '../output/errors.js';

const args = process.argv.slice(2);
const model = fileURLToPath(new URL('./model.onnx', import.meta.url));
try {
  if (args.includes('--help') || args.includes('-h')) {
    process.stdout.write(helpOf({ ...predict, usage: ['predict --csv FILE [--images DIR] [OPTIONS]'] }));
  } else {
    process.exitCode = await predict.run([model, ...args]);
  }
} catch (error) {
  const { text, exitCode, stack } = tell(error);
  process.stderr.write(args.includes('--debug') ? `predict: ${text}\n${stack}\n` : `predict: ${text}\n`);
  process.exitCode = exitCode;
}
