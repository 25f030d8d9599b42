import { nn, ops, type Tensor } from '@evenhand/torch';

/**
 * Convolution with TensorFlow's "same" padding: ceil(size / stride) outputs; if the padding is odd, the extra pixel is at
 * the bottom and on the right. The padding depends on the size of the input.
 */
export class SameConv2d extends nn.Conv2d {
  override forward(x: Tensor): Tensor {
    const { weight, stride } = this;
    const [, , kernelHeight, kernelWidth] = weight.shape as [number, number, number, number];
    const [, , height, width] = x.shape as [number, number, number, number];
    const rows = Math.max((Math.ceil(height / stride[0]) - 1) * stride[0] + kernelHeight - height, 0);
    const columns = Math.max((Math.ceil(width / stride[1]) - 1) * stride[1] + kernelWidth - width, 0);
    if (rows % 2 === 0 && columns % 2 === 0) {
      return this.convolve(x, [rows / 2, columns / 2]);
    }
    const [above, left] = [Math.floor(rows / 2), Math.floor(columns / 2)];
    const padded = ops.constantPadNd(x, [left, columns - left, above, rows - above]);
    return this.convolve(padded, 0);
  }
}
