import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { predictionArrays, type RunFolder } from './index.js';
import { refused, startedRun } from './run.test.helper.js';

describe('damaged contents of a run folder', () => {
  const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`;
  const smallDataset = '"dataset": {"fingerprint": "f", "path": "/d", "classes": ["a"]}';
  const damages: readonly [file: string, content: string, message: RegExp][] = [
    ['config.json', deep, /config\.json: is damaged: it is not an object$/],
    ['config.json', 'x\u001b[31m', /config\.json: is damaged: .*x\\x1b\[31m/],
    ['config.json', `{"epochs": ${deep}}`, /is damaged: epochs must be a value or a list of values, got \[…\]$/],
    ['environment.json', `{"versions": {"node": ${deep}}, ${smallDataset}}`, /versions\.node must be text, got \[…\]$/],
    ['environment.json', `{"dataset": ${deep}}`, /is damaged: dataset must be an object, got \[…\]$/],
    ['environment.json', '{"dataset": {"classes": ["a", 2]}}', /dataset\.fingerprint must be text, got undefined$/],
    [
      'environment.json',
      '{"dataset": {"fingerprint": "f", "path": "/d", "classes": ["a", {}]}}',
      /dataset\.classes must be a list of texts, got \["a", …\]$/,
    ],
    [
      'environment.json',
      '{"dataset": {"fingerprint": "f", "path": "/d", "classes": ["a"], "skipped": [3]}}',
      /dataset\.skipped\[0\] is not an object$/,
    ],
    ['metrics.jsonl', `{"phase": ${deep}}\n`, /line 1 is damaged: phase must be text, got \[…\]$/],
    ['metrics.jsonl', `{"phase": "${'x'.repeat(1e7)}", "epoch": "1"}\n`, /epoch must be a number, got "1"$/],
    ['metrics.jsonl', `${deep}\n`, /line 1 is damaged: it is not an object$/],
    ['labels.jsonl', `{"file": {"a": ${deep}}}\n`, /line 1 is damaged: file must be text, got \{…\}$/],
  ];
  const read = (run: RunFolder, file: string): unknown => {
    if (file === 'config.json') return run.readConfig();
    if (file === 'environment.json') return run.readEnvironment();
    return file === 'metrics.jsonl' ? run.readEpochs() : run.readLabels();
  };
  for (const [file, content, message] of damages) {
    test(`are named in a short sentence: ${file} ${content.slice(0, 40).replace('\u001b', '')}`, () => {
      const run = startedRun();
      writeFileSync(join(run.path, file), content);
      refused(() => read(run, file), message);
    });
  }

  test('are refused if they are not regular files, without waiting for them', () => {
    const run = startedRun();
    mkdirSync(join(run.path, 'metrics.jsonl'));
    refused(() => run.readEpochs(), /metrics\.jsonl: must be a regular file, but it is a folder; move it away$/);
    execFileSync('mkfifo', [join(run.path, 'predictions.jsonl')]);
    refused(() => run.readPredictions(), /predictions\.jsonl: must be a regular file, but it is a named pipe/);
    rmSync(join(run.path, 'config.json'));
    execFileSync('mkfifo', [join(run.path, 'config.json')]);
    refused(() => run.readConfig(), /config\.json: must be a regular file, but it is a named pipe/);
  });

  test('are refused if predictions do not fit the classes', () => {
    const prediction = { file: 'x.jpg', label: 'c', logits: [1, 2] };
    refused(
      () => predictionArrays([prediction], ['a', 'b']),
      /the label "c" of x\.jpg is not one of the run's classes/,
    );
    refused(() => predictionArrays([{ ...prediction, label: 'a' }], ['a']), /x\.jpg has 2 logits for 1 classes/);
  });
});
