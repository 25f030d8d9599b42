import { nn, ops, scope, type Tensor } from '@evenhand/torch';
import type { Family } from '../family.js';
import { ImageModel } from '../model.js';
import { DropoutLinear } from './dropout-linear.js';
import { B0_ROWS, B0_STEM } from './efficientnet.js';
import { initialise, uniformByOutputs } from './initialise.js';
import { type BlockShape, blockShapes } from './rows.js';

const NORM = { eps: 1e-3 };

/**
 * EfficientNet-Lite0: B0 without squeeze-and-excitation and with ReLU6 (tensorflow/tpu,
 * models/official/efficientnet/lite). State-dict keys and initialisation are those of timm's `tf_efficientnet_lite0`.
 * Images [N,3,H,W] to logits [N,numClasses].
 */
export class EfficientNetLite0 extends ImageModel {
  readonly featureCount = 1280;
  readonly dropout = 0.2;
  readonly convStem = new SameConv2d(3, B0_STEM, 3, { stride: 2, bias: false });
  readonly bn1 = new nn.BatchNorm2d(B0_STEM, NORM);
  readonly blocks: nn.Sequential;
  readonly convHead = new nn.Conv2d(B0_ROWS.at(-1)!.channels, this.featureCount, 1, { bias: false });
  readonly bn2 = new nn.BatchNorm2d(this.featureCount, NORM);
  classifier: nn.Module;
  readonly #pool = new nn.AdaptiveAvgPool2d(1);

  constructor(numClasses: number) {
    super();
    this.blocks = new nn.Sequential(
      ...blockShapes(B0_ROWS, B0_STEM).map(
        (shapes) =>
          new nn.Sequential(
            ...shapes.map((shape) =>
              shape.expand === 1 ? new DepthwiseSeparable(shape) : new InvertedResidual(shape),
            ),
          ),
      ),
    );
    this.classifier = this.newHead(numClasses, this.dropout);
    initialise(this, { linear: uniformByOutputs, depthwiseFanOut: 'one' });
  }

  override newHead(numClasses: number, dropout: number): nn.Module {
    return new DropoutLinear(this.featureCount, numClasses, dropout);
  }

  override forwardFeatures(x: Tensor): Tensor {
    return scope(() => {
      const stem = this.bn1.forward(this.convStem.forward(x), 'relu6');
      const top = this.convHead.forward(this.blocks.forward(stem));
      return ops.flatten(this.#pool.forward(this.bn2.forward(top, 'relu6')), 1);
    });
  }

  override backbone(): nn.Module[][] {
    const blocks = this.blocks.layers.flatMap((stage) => (stage as nn.Sequential).layers.map((block) => [block]));
    return [[this.convStem, this.bn1], ...blocks, [this.convHead, this.bn2]];
  }
}

export const EFFICIENTNET_LITE: Family = {
  name: 'EfficientNet-Lite',
  architectures: ['tf_efficientnet_lite0'],
  build: (_, { numClasses }) => new EfficientNetLite0(numClasses),
};

/** The block of the first stage: depthwise convolution, project. */
class DepthwiseSeparable extends nn.Module {
  readonly convDw: nn.Conv2d;
  readonly bn1: nn.BatchNorm2d;
  readonly convPw: nn.Conv2d;
  readonly bn2: nn.BatchNorm2d;
  readonly #residual: boolean;

  constructor({ inputs, outputs, kernel, stride }: BlockShape) {
    super();
    this.convDw = new SameConv2d(inputs, inputs, kernel, { stride, groups: inputs, bias: false });
    this.bn1 = new nn.BatchNorm2d(inputs, NORM);
    this.convPw = new nn.Conv2d(inputs, outputs, 1, { bias: false });
    this.bn2 = new nn.BatchNorm2d(outputs, NORM);
    this.#residual = stride === 1 && inputs === outputs;
  }

  override forward(x: Tensor): Tensor {
    return scope(() => {
      const inner = this.bn1.forward(this.convDw.forward(x), 'relu6');
      const branch = this.bn2.forward(this.convPw.forward(inner));
      return this.#residual ? ops.add_(branch, x) : branch;
    });
  }
}

/** Inverted residual block: expand, depthwise convolution, project without an activation, add. */
class InvertedResidual extends nn.Module {
  readonly convPw: nn.Conv2d;
  readonly bn1: nn.BatchNorm2d;
  readonly convDw: nn.Conv2d;
  readonly bn2: nn.BatchNorm2d;
  readonly convPwl: nn.Conv2d;
  readonly bn3: nn.BatchNorm2d;
  readonly #residual: boolean;

  constructor({ inputs, outputs, expand, kernel, stride }: BlockShape) {
    super();
    const wide = inputs * expand;
    this.convPw = new nn.Conv2d(inputs, wide, 1, { bias: false });
    this.bn1 = new nn.BatchNorm2d(wide, NORM);
    this.convDw = new SameConv2d(wide, wide, kernel, { stride, groups: wide, bias: false });
    this.bn2 = new nn.BatchNorm2d(wide, NORM);
    this.convPwl = new nn.Conv2d(wide, outputs, 1, { bias: false });
    this.bn3 = new nn.BatchNorm2d(outputs, NORM);
    this.#residual = stride === 1 && inputs === outputs;
  }

  override forward(x: Tensor): Tensor {
    return scope(() => {
      const wide = this.bn1.forward(this.convPw.forward(x), 'relu6');
      const inner = this.bn2.forward(this.convDw.forward(wide), 'relu6');
      const branch = this.bn3.forward(this.convPwl.forward(inner));
      return this.#residual ? ops.add_(branch, x) : branch;
    });
  }
}

/**
 * Convolution with TensorFlow's "same" padding: ceil(size / stride) outputs; if the padding is odd, the extra pixel is at
 * the bottom and on the right. The padding depends on the size of the input.
 */
class SameConv2d extends nn.Conv2d {
  override forward(x: Tensor): Tensor {
    const { weight, bias, stride, dilation, groups } = this;
    const [, , kernelHeight, kernelWidth] = weight.shape as [number, number, number, number];
    const [, , height, width] = x.shape as [number, number, number, number];
    const rows = Math.max((Math.ceil(height / stride[0]) - 1) * stride[0] + kernelHeight - height, 0);
    const columns = Math.max((Math.ceil(width / stride[1]) - 1) * stride[1] + kernelWidth - width, 0);
    if (rows % 2 === 0 && columns % 2 === 0) {
      return ops.conv2d(x, weight, bias, stride, [rows / 2, columns / 2], dilation, groups);
    }
    const [above, left] = [Math.floor(rows / 2), Math.floor(columns / 2)];
    const padded = ops.constantPadNd(x, [left, columns - left, above, rows - above]);
    return ops.conv2d(padded, weight, bias, stride, 0, dilation, groups);
  }
}
