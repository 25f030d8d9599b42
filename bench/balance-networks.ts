// The rows of `npm run bench -- balance`: trained networks, and what is done to them afterwards.
import { join } from 'node:path';
import { nn, ops, scope, type Tensor, tensor } from '@evenhand/torch';
import { type Config, type ImageModel, metrics } from 'evenhand';
import { expectedCounts } from '#evenhand/data/index.js';
import { estimateLabels } from '#evenhand/noise/index.js';
import { NOISE_FOUND } from '#evenhand/train/index.js';
import type { Split } from './balance-data.js';
import * as heads from './balance-heads.js';
import { openNetwork, trainNetwork } from './balance-runs.js';

export const BLOCKS = ['frozen', 'fine-tuned'] as const;

/** Rows that are trained. `logit-adjust` with tau 1 is `balanced-softmax`. */
export const TRAINED: Readonly<Record<string, Partial<Config>>> = {
  none: { balance: ['none'] },
  sampler: { balance: ['sampler'] },
  'sampler 0.5': { balance: ['sampler'], samplerExponent: 0.5 },
  'weighted-loss': { balance: ['weighted-loss'] },
  'effective-number': { balance: ['effective-number'] },
  'balanced-softmax': { balance: ['balanced-softmax'] },
  'logit-adjust 0.5': { balance: ['logit-adjust'], logitAdjustTau: 0.5 },
  'logit-adjust 1.5': { balance: ['logit-adjust'], logitAdjustTau: 1.5 },
  focal: { balance: ['none'], loss: 'focal' },
};

/** A network that is changed after its training: into the predicted classes of the test images. */
export interface Derived {
  /** The trained row. */
  readonly from: string;
  readonly blocks: readonly string[];
  readonly predict: (networks: Networks, network: Network) => Int32Array | Promise<Int32Array>;
}

const derived = (from: string, predict: Derived['predict'], blocks: readonly string[] = BLOCKS): Derived => {
  return { from, blocks, predict };
};
const byRule: Derived['predict'] = (networks, network) => networks.predictByRule(network);
const postHoc = (tau: number) => (networks: Networks, network: Network) => networks.predictAdjusted(network, tau);
const tauNormalised = (tau: number) => (networks: Networks, network: Network) =>
  networks.predictNormalised(network, tau);
const retrained = (row: string) => (networks: Networks, network: Network) => networks.predictRetrained(network, row);

export const DERIVED: Readonly<Record<string, Derived>> = {
  'none + decision rule': derived('none', byRule),
  'none + post-hoc 0.5': derived('none', postHoc(0.5)),
  'none + post-hoc 1': derived('none', postHoc(1)),
  'none + tau-norm 0.5': derived('none', tauNormalised(0.5)),
  'none + tau-norm 1': derived('none', tauNormalised(1)),
  'none + new head, none': derived('none', retrained('none'), ['fine-tuned']),
  'none + new head, sampler': derived('none', retrained('sampler'), ['fine-tuned']),
  'none + new head, balanced-softmax': derived('none', retrained('balanced-softmax'), ['fine-tuned']),
  'balanced-softmax + decision rule': derived('balanced-softmax', byRule),
  'balanced-softmax + new head': derived('balanced-softmax', retrained('balanced-softmax'), ['fine-tuned']),
};

export const ROWS = [...Object.keys(TRAINED), ...Object.keys(DERIVED)];

/** A data set with its labels for one seed. */
export interface NetworkOptions {
  readonly block: string;
  readonly split: Split;
  /** [n] labels of the training images. */
  readonly given: Int32Array;
  /** Whether they are judged, and posterior labels take their place. */
  readonly isJudged: boolean;
  readonly seed: number;
  readonly configOf: (changes: Partial<Config>) => Config;
  /** For features, and for the runs of this data set, its labels and this seed. */
  readonly folder: string;
  readonly runs: string;
}

export interface Network {
  /** [m,K] logits of the validation and the test images. */
  readonly val: Float32Array;
  readonly test: Float32Array;
  /** Its classifier and the features [N,F] of the pool. */
  readonly open: () => Promise<{ readonly linear: heads.Linear; readonly views: heads.Views }>;
  readonly dispose: () => Promise<void>;
}

/** The networks of a data set, each trained when it is first asked for. */
export class Networks {
  readonly #made = new Map<string, Promise<Network>>();
  #frozen: Promise<[ImageModel, heads.Views]> | undefined;

  constructor(private readonly options: NetworkOptions) {}

  of(row: string): Promise<Network> {
    const made =
      this.#made.get(row) ?? (this.options.block === 'frozen' ? this.#trainFrozen(row) : this.#fineTune(row));
    this.#made.set(row, made);
    return made;
  }

  /** Classes of the test images by a row. */
  async predict(row: string): Promise<Int32Array> {
    const own = DERIVED[row];
    const network = await this.of(own?.from ?? row);
    return own ? own.predict(this, network) : metrics.argmax(network.test, this.#numClasses);
  }

  /** By the temperature and the decision rule that the validation images prove. */
  predictByRule({ val, test }: Network): Int32Array {
    const { split, given, seed } = this.options;
    const truth = split.val.map((row) => split.pool.labels[row]!);
    const counts = metrics.classCounts(given, this.#numClasses);
    const { rule } = metrics.fitDecision(val, truth, this.#numClasses, seed, counts);
    return metrics.applyRule(test, this.#numClasses, rule);
  }

  predictAdjusted({ test }: Network, tau: number): Int32Array {
    const counts = metrics.classCounts(this.options.given, this.#numClasses);
    return metrics.argmax(heads.adjusted(test, counts, tau), this.#numClasses);
  }

  async predictNormalised(network: Network, tau: number): Promise<Int32Array> {
    const { linear, views } = await network.open();
    return this.#predictBy(heads.tauNormalised(linear, tau), views);
  }

  async predictRetrained(network: Network, row: string): Promise<Int32Array> {
    const { views } = await network.open();
    const [model] = await this.#frozenModel();
    return this.#predictBy(heads.trainHead(model, this.#taskOf(views), this.options.configOf(TRAINED[row]!)), views);
  }

  /** Frees the tensors of all networks. */
  async dispose(): Promise<void> {
    for (const made of this.#made.values()) await (await made).dispose();
    if (!this.#frozen) return;
    const [model, views] = await this.#frozen;
    nn.disposeModule(model);
    for (const view of views) view.dispose();
  }

  get #numClasses(): number {
    return this.options.split.pool.classes.length;
  }

  #frozenModel(): Promise<[ImageModel, heads.Views]> {
    const { folder, split, configOf } = this.options;
    this.#frozen ??= heads.frozenFeatures(folder, split.pool, configOf({}));
    return this.#frozen;
  }

  async #trainFrozen(row: string): Promise<Network> {
    const { split, configOf } = this.options;
    const [model, views] = await this.#frozenModel();
    const linear = heads.trainHead(model, this.#taskOf(views), configOf(TRAINED[row]!));
    const [val, test] = [split.val, split.test].map((rows) => heads.logitsOf(linear, views[0]!, rows));
    const dispose = async () => heads.disposeLinear(linear);
    return { val: val!, test: test!, open: async () => ({ linear, views }), dispose };
  }

  async #fineTune(row: string): Promise<Network> {
    const { split, given, isJudged, configOf, runs } = this.options;
    const config = configOf({ ...TRAINED[row]!, labelNoise: isJudged ? 'auto' : 'off' });
    const trained = await trainNetwork(join(runs, row.replace(' ', '-')), split, given, config);
    let opened: ReturnType<Network['open']> | undefined;
    const open = () => {
      opened ??= openNetwork(trained.run, split.pool, config);
      return opened;
    };
    const dispose = async () => {
      if (!opened) return;
      const { linear, views } = await opened;
      heads.disposeLinear(linear);
      for (const view of views) view.dispose();
    };
    return { ...trained, open, dispose };
  }

  /** What a classifier on these features is trained on; labels are judged by them. */
  #taskOf(views: heads.Views): heads.HeadTask {
    const { split, given, isJudged, seed } = this.options;
    const numClasses = this.#numClasses;
    const task = { views, rows: split.train, numClasses };
    const asGiven = { ...task, targets: given, counts: metrics.classCounts(given, numClasses) };
    if (!isJudged) return asGiven;
    const { rate, posterior } = scope(() => {
      const rows = tensor(split.train, [split.train.length], { dtype: 'int64' });
      return estimateLabels({ features: ops.indexSelect(views[0]!, 0, rows), given, numClasses, seed }).labels;
    });
    if (rate.low <= NOISE_FOUND) return asGiven;
    return { ...task, targets: Float32Array.from(posterior), counts: expectedCounts({ posterior, numClasses }) };
  }

  #predictBy(linear: heads.Linear, views: readonly Tensor[]): Int32Array {
    const logits = heads.logitsOf(linear, views[0]!, this.options.split.test);
    heads.disposeLinear(linear);
    return metrics.argmax(logits, this.#numClasses);
  }
}
