// Converts weights of timm or torchvision to a file for evenhand, without the prefix that a training script added to keys:
//   node examples/convert-weights.mjs checkpoint.pth weights.safetensors model.
// Then run evenhand train DATA --weights weights.safetensors, or evenhand export --weights weights.safetensors ...
import { openWeights, readTensors, saveTensors, scope } from '@evenhand/torch';

const [from, to, prefix = ''] = process.argv.slice(2);
const file = openWeights(from);
scope(() => {
  const tensors = [...readTensors(file)].filter(([key]) => key.startsWith(prefix));
  saveTensors(to, new Map(tensors.map(([key, tensor]) => [key.slice(prefix.length), tensor])));
  console.log(`${tensors.length} tensors in ${to}`);
});
file.close();
