import { nn, ops, scope, type Tensor } from '@evenhand/torch';

/** Dropout and a linear layer, with the keys of the linear layer alone: the head of timm's models. */
export class DropoutLinear extends nn.Linear {
  readonly #dropout: number;

  constructor(inputs: number, outputs: number, dropout: number) {
    super(inputs, outputs);
    this.#dropout = dropout;
  }

  override forward(x: Tensor): Tensor {
    return scope(() => super.forward(ops.dropout(x, this.#dropout, this.training)));
  }
}
