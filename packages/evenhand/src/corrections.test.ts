import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Correction, correctionsCsv, correctionsOf } from './corrections.js';
import { parseTable } from './report/audit/browser/parse-table.js';

const classes = ['oak', 'a, "quoted" elm', 'two\nlines', ' ash '];

describe('corrections.csv', () => {
  test('has one row per image, and quotes around cells that need them', () => {
    const text = correctionsCsv([
      { file: 'train/1.jpg', given: 'oak', verdict: 'accept', label: 'a, "quoted" elm' },
      { file: 'train/a,b.jpg', given: 'two\nlines', verdict: 'keep', label: 'two\nlines' },
      { file: 'val/3.jpg', given: ' ash ', verdict: 'drop', label: '' },
    ]);
    assert.equal(
      text,
      'file,given,verdict,label\ntrain/1.jpg,oak,accept,"a, ""quoted"" elm"\n' +
        '"train/a,b.jpg","two\nlines",keep,"two\nlines"\nval/3.jpg," ash ",drop,\n',
    );
    assert.equal(correctionsCsv([]), 'file,given,verdict,label\n');
  });

  test('is read back as it was, with its lines', () => {
    const corrections: Correction[] = [
      { file: 'x.jpg', given: 'two\nlines', verdict: 'accept', label: ' ash ' },
      { file: 'y "z".jpg', given: 'oak', verdict: 'keep', label: 'oak' },
      { file: 'w.jpg', given: 'a, "quoted" elm', verdict: 'drop', label: '' },
    ];
    const rows = correctionsOf(parseTable(correctionsCsv(corrections), 'c.csv'), 'c.csv', classes);
    assert.deepEqual(
      rows,
      corrections.map((correction, i) => ({ ...correction, line: i + 3 })),
    );
  });

  test('is read with the marks, separators and line ends of other programs, and columns in any order', () => {
    const expected = [{ line: 2, file: 'x.jpg', given: 'oak', verdict: 'drop', label: '' }];
    for (const text of [
      '\ufefffile,given,verdict,label\r\nx.jpg,oak,drop,\r\n\r\n',
      'file;given;verdict;label\nx.jpg;oak;drop;\n',
      'verdict,label,note,file,given\ndrop,,blurred,x.jpg,oak\n',
    ]) {
      assert.deepEqual(correctionsOf(parseTable(text, 'c.csv'), 'c.csv', classes), expected);
    }
    assert.deepEqual(correctionsOf(parseTable('file,given,verdict,label\n', 'c.csv'), 'c.csv', classes), []);
  });

  test('may leave the label of a kept image out', () => {
    const text = 'file,given,verdict,label\nx.jpg,oak,keep,\n';
    assert.equal(correctionsOf(parseTable(text, 'c.csv'), 'c.csv', classes)[0]!.label, 'oak');
  });

  for (const [what, rows, message] of [
    [
      'another table',
      null,
      /^c\.csv is not a corrections\.csv: it has no column "file"; expected the columns file, given/,
    ],
    ['a row that is too short', 'x.jpg,oak,drop', /^c\.csv is not a well-formed CSV file: .*line 2\.$/],
    ['an open quote', '"x.jpg,oak,drop,', /^c\.csv is not a well-formed CSV file: /],
    ['a row without a file', ',oak,drop,', /^c\.csv, line 2: the file name is empty\.$/],
    ['an image twice', 'x.jpg,oak,drop,\nx.jpg,oak,keep,oak', /line 3: "x\.jpg" already has a verdict in line 2\.$/],
    ['an unknown verdict', 'x.jpg,oak,maybe,oak', /line 2: the verdict is "maybe"; expected accept, keep or drop\.$/],
    ['a label of other data', 'x.jpg,fir,drop,', /line 2: the label "fir" is not one of the 4 labels of the data\.$/],
    ['a new label of other data', 'x.jpg,oak,accept,fir', /line 2: the label "fir" is not one of/],
    ['a kept label that differs', 'x.jpg,oak,keep,fir', /the verdict is keep, but the label "fir" is not "oak"/],
    ['a dropped image with a label', 'x.jpg,oak,drop,fir', /the verdict is drop, but there is a label, "fir"/],
  ] as const) {
    test(`is refused in one sentence: ${what}`, () => {
      const text = rows === null ? 'image_id,label\n1,oak\n' : `file,given,verdict,label\n${rows}\n`;
      assert.throws(() => correctionsOf(parseTable(text, 'c.csv'), 'c.csv', classes), { message });
    });
  }

  test('is refused if it is empty', () => {
    assert.throws(() => parseTable('', 'c.csv'), { message: 'c.csv is empty; expected a corrections.csv.' });
  });
});
