import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { Random } from '../../random.js';
import { type EpochMetrics, RunFolder } from '../../run/index.js';
import { type SubmissionFacts, submissionReport } from '../index.js';
import { describeMethod, describeWeights } from './method.js';

const root = mkdtempSync(join(tmpdir(), 'evenhand-report-'));
after(() => rmSync(root, { recursive: true }));

/** How a run differs from an ordinary one. */
interface Extremes {
  readonly numClasses?: number;
  readonly className?: (k: number) => string;
  readonly epochs?: number;
  readonly epoch?: Partial<EpochMetrics>;
  readonly predictions?: number;
  readonly facts?: Partial<SubmissionFacts>;
  readonly environment?: object;
}

let count = 0;

function runOf({ numClasses = 12, epochs = 20, predictions = 60, ...more }: Extremes): RunFolder {
  const random = new Random(5);
  const className = more.className ?? ((k: number) => `class ${k}`);
  const classes = Array.from({ length: numClasses }, (_, k) => className(k));
  const run = RunFolder.create(join(root, String(count++)));
  run.writeConfig({});
  run.writeEnvironment({
    versions: { evenhand: '0.1.0', node: '20.11.0', libtorch: '2.4.0', sharp: '0.35.5', libvips: '8.17.0' },
    os: 'Linux 6.1',
    cpu: 'A processor of 2 cores',
    cores: 2,
    threads: 2,
    device: 'cpu',
    memoryMB: 8000,
    git: { commit: 'a'.repeat(40), dirty: true },
    dataset: {
      fingerprint: 'f'.repeat(64),
      path: '/data',
      classes,
      classCounts: classes.map((_, k) => k + 1),
      train: 500,
      val: predictions,
      skipped: [],
    },
    started: '2026-01-02T03:04:05.000Z',
    ...more.environment,
  });
  run.writeEpochs(
    Array.from({ length: epochs }, (_, i): EpochMetrics => {
      const macroF1 = 1 - 0.9 ** (i + 1);
      const size = { size: 224, seconds: 1, imagesPerSecond: 9, peakMemoryMB: 500, backboneRate: 1e-5, headRate: 1e-3 };
      const losses = { trainLoss: 1, valLoss: 1, accuracy: macroF1, balancedAccuracy: macroF1 };
      const scores = { macroF1, macroF1Low: macroF1 * 0.9, macroF1High: macroF1, macroF1Present: macroF1 };
      const numbers = { numClasses, numPresent: numClasses, best: true };
      const phase = i < 3 && epochs > 3 ? 'head' : 'full';
      return { phase, epoch: i + 1, ...size, ...losses, ...scores, ...numbers, ...more.epoch };
    }),
  );
  if (predictions > 0) {
    run.writePredictions(
      Array.from({ length: predictions }, (_, i) => ({
        file: `val/${i}.jpg`,
        label: classes[i % numClasses]!,
        logits: classes.map((_, k) => random.normal() + (k === i % numClasses ? 2 : 0)),
      })),
    );
  }
  return run;
}

const ordinary: SubmissionFacts = {
  team: 'The Even Hands',
  decision: 'a rule for Macro F1',
  validation: { images: 60, macroF1: 0.8, low: 0.7, high: 0.9 },
  settings: Array.from({ length: 22 }, (_, i) => [`setting-number-${i}`, `value ${i}`] as const),
  commands: [
    'evenhand train DATA --config training/config.json',
    'node predict.js --csv test.csv --images test/images --out predictions.csv --tta flip --time-limit 9m30s',
  ],
};

/** The PDF as text, with compressed contents; checks that it has two pages. */
async function reportOn(extremes: Extremes): Promise<string> {
  const bytes = await submissionReport(runOf(extremes), { ...ordinary, ...extremes.facts });
  const pdf = Buffer.from(bytes).toString('latin1');
  assert.match(pdf, /^%PDF-1\.\d\n/);
  assert.match(pdf, /%%EOF\s*$/);
  assert.equal(pdf.match(/\/Type \/Page\b/g)?.length, 2, 'pages');
  assert.match(pdf, /\/Type \/Pages\s[^>]*\/Count 2\b/);
  assert.doesNotMatch(pdf, /\bNaN\b|undefined|Infinity/);
  return pdf;
}

const long = (length: number): string => 'a-long-word '.repeat(length / 12 + 1).slice(0, length);

describe('the report has two pages', () => {
  const cases: [what: string, extremes: Extremes][] = [
    ['of an ordinary run', {}],
    ['of 2 classes', { numClasses: 2 }],
    ['of 1 class', { numClasses: 1 }],
    ['of 500 classes', { numClasses: 500, predictions: 600 }],
    ['of class names of 200 characters', { className: (k) => `${long(198)}${k}` }],
    ['of wide class names without a space', { className: (k) => `${'W'.repeat(200)}${k}` }],
    ['of class names that the fonts of PDF lack', { className: (k) => `${'猫'.repeat(30)}${k}\n\t\u0000` }],
    ['without validation predictions', { predictions: 0, facts: { validation: null } }],
    ['without an epoch', { epochs: 0, predictions: 0, facts: { validation: null } }],
    ['of 1 epoch', { epochs: 1 }],
    ['of 2 epochs', { epochs: 2 }],
    ['of noisy labels', { epoch: { macroF1Posterior: 0.9, macroF1PosteriorLow: 0.8, macroF1PosteriorHigh: 1 } }],
    ['of 300 epochs', { epochs: 300 }],
    ['of epochs without a best one', { epoch: { best: false } }],
    [
      'of epochs with scores that are not finite',
      { epoch: { macroF1: Number.NaN, accuracy: Number.NaN, best: false } },
    ],
    ['without settings', { facts: { settings: [] } }],
    ['of one setting', { facts: { settings: [['model', 'efficientnet_b3']] } }],
    [
      'of long settings',
      { facts: { settings: Array.from({ length: 22 }, (_, i) => [`setting-number-${i}`, long(500)] as const) } },
    ],
    [
      'of settings without a space',
      {
        facts: { settings: Array.from({ length: 22 }, (_, i) => [`${'n'.repeat(80)}${i}`, 'W'.repeat(300)] as const) },
      },
    ],
    ['of many settings', { facts: { settings: Array.from({ length: 300 }, (_, i) => [`${i}`, 'x'] as const) } }],
    ['of a long decision', { facts: { decision: long(3000) } }],
    ['of a long team', { facts: { team: long(500) } }],
    ['of a team in one word', { facts: { team: 'W'.repeat(300) } }],
    ['of a team name that the fonts of PDF lack', { facts: { team: '猫\nと犬' } }],
    ['of many long commands', { facts: { commands: Array.from({ length: 20 }, () => long(400)) } }],
    [
      'of a machine with long descriptions',
      {
        environment: {
          versions: Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`library-${i}`, '1.2.3-alpha.4+build'])),
          cpu: long(2000),
          os: long(500),
          git: null,
        },
      },
    ],
    [
      'of everything at once',
      {
        numClasses: 500,
        className: (k) => `${'W'.repeat(200)}${k}`,
        epochs: 300,
        predictions: 600,
        facts: {
          team: long(300),
          decision: long(1000),
          settings: Array.from({ length: 22 }, (_, i) => [`setting-number-${i}`, long(500)] as const),
          commands: Array.from({ length: 20 }, () => long(400)),
        },
      },
    ],
  ];
  for (const [what, extremes] of cases) test(what, async () => void (await reportOn(extremes)));
});

test('the report names its team and the start of the run, and is the same each time', async () => {
  const pdf = await reportOn({});
  for (const text of ['The Even Hands: image classification by Macro F1', 'The Even Hands', 'D:20260102030405Z']) {
    assert.ok(pdf.includes(`\n(${text})\n`), text);
  }
  assert.equal(await reportOn({}), pdf);
});

describe('the method', () => {
  const usual = {
    headEpochs: 3,
    epochs: 20,
    backboneRate: 1e-5,
    headRate: 1e-4,
    warmupEpochs: 1,
    balance: ['sampler'],
    keep: 'best',
    patience: 5,
  };

  // The report once said of every run what is true of the default recipe.
  for (const [what, config, expected] of [
    [
      'two phases',
      {},
      /in two phases: first a new head on frozen features, then the whole network, with a lower learning/,
    ],
    ['the whole network', { headEpochs: 0 }, /A pretrained network with a new head is trained as a whole/],
    [
      'the head only',
      { epochs: 0 },
      /gets a new head, which is trained on its frozen features\. .* no early stopping\.$/,
    ],
    ['random weights', { weights: 'none' }, /^A network with random initial weights/],
    ['equal learning rates', { backboneRate: 1e-4 }, /then the whole network, with warm-up and cosine decay\./],
    ['no warm-up', { warmupEpochs: 0 }, /, with a lower learning rate for the backbone and cosine decay\./],
    ['balancing', { balance: ['sampler', 'logit-adjust'] }, /Against class imbalance: sampler and logit-adjust\./],
    ['no balancing', { balance: ['none'] }, /Nothing is done against class imbalance\./],
    ['early stopping', {}, /Training stops after 5 epochs without a better Macro F1\.$/],
    ['no patience', { patience: 0 }, /There is no early stopping\.$/],
    ['the last epoch', { keep: 'last' }, /There is no early stopping\.$/],
  ] as const) {
    test(`is described from the configuration: ${what}`, () => {
      assert.match(describeMethod({ ...usual, ...config }), expected);
    });
  }
});

test('the licence of the weights is in the method', () => {
  const license = { id: 'cc-by-nc-4.0', restriction: 'non-commercial use only' };
  assert.equal(
    describeWeights({ name: 'convnextv2_atto.fcmae_ft_in1k', license }),
    ' The network starts from weights of convnextv2_atto.fcmae_ft_in1k, whose licence is cc-by-nc-4.0: non-commercial use only.',
  );
  assert.equal(describeWeights({ name: 'mine', license: null }), '');
  assert.equal(describeWeights(null), '');
});
