// Trains without the command line: node examples/dist/train.js photos run
import { evaluate, resolveConfig, train } from 'evenhand';

const [data = 'photos', run = 'run'] = process.argv.slice(2);
const config = resolveConfig('fast', [
  {
    source: 'examples/train.ts',
    values: { data, model: 'mobilenet_v2', weights: 'none', imageSize: 64, startSize: 0, epochs: 2, batchSize: 8 },
  },
]);

const { best, interrupted } = await train({
  run,
  config,
  onEvent: (event) => {
    if (event.type === 'epoch')
      console.log(`epoch ${event.metrics.epoch}: Macro F1 ${event.metrics.macroF1.toFixed(3)}`);
    if (event.type === 'note') console.log(event.text);
  },
});

if (best && !interrupted) {
  const { report, interval } = await evaluate({ run, data });
  console.log(`Macro F1 ${report.macroF1.toFixed(3)} [${interval.low.toFixed(3)}, ${interval.high.toFixed(3)}]`);
  console.log(`The model is in ${run}/model.onnx`);
}
