// A custom model: a class whose fields are layers. It can be trained, saved, exported and used like the built-in ones.
import { writeFileSync } from 'node:fs';
import { load } from '@evenhand/predict';
import { nn, ops, scope, type Tensor } from '@evenhand/torch';
import { exportOnnx, ImageModel } from 'evenhand';

class TinyNet extends ImageModel {
  readonly featureCount = 32;
  readonly dropout = 0.1;
  readonly features = new nn.Sequential(
    new nn.ConvNormActivation(3, 16, { stride: 2, activation: new nn.SiLU() }),
    new nn.ConvNormActivation(16, 32, { stride: 2, activation: new nn.SiLU() }),
  );
  readonly avgpool = new nn.AdaptiveAvgPool2d(1);
  classifier: nn.Module;

  constructor(numClasses: number) {
    super();
    this.classifier = this.newHead(numClasses, this.dropout);
  }

  override newHead(numClasses: number, dropout: number): nn.Module {
    return new nn.Sequential(new nn.Dropout(dropout), new nn.Linear(this.featureCount, numClasses));
  }

  override forwardFeatures(x: Tensor): Tensor {
    return scope(() => ops.flatten(this.avgpool.forward(this.features.forward(x)), 1));
  }

  override backbone(): nn.Module[][] {
    return this.features.layers.map((layer) => [layer]);
  }
}

const model = new TinyNet(2);
console.log([...nn.stateDict(model).keys()].slice(0, 3).join(' '));
// The export needs no code of the model: its operations are recorded while it runs.
writeFileSync('tiny.onnx', exportOnnx(model, { size: 32, version: '1' }));

const preset = {
  resize: 36,
  crop: 32,
  interpolation: 'bilinear',
  mean: [0.5, 0.5, 0.5],
  std: [0.5, 0.5, 0.5],
} as const;
const loaded = await load('tiny.onnx', { labels: ['cat', 'dog'], preset });
console.log(loaded.classes.join(' '), loaded.metadata.preset.crop);
await loaded.close();
