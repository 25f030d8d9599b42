import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Correction, correctionsCsv, readCorrections } from './corrections.js';

const classes = ['oak', 'a, "quoted" elm', 'two\nlines', ' ash '];

describe('corrections.csv', () => {
  test('has a row an image, with quotes where a cell needs them', () => {
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

  test('is read back as it was, also with the mark and the line ends of other programs', () => {
    const corrections: Correction[] = [
      { file: 'x.jpg', given: 'two\nlines', verdict: 'accept', label: ' ash ' },
      { file: 'y "z".jpg', given: 'oak', verdict: 'keep', label: 'oak' },
      { file: 'w.jpg', given: 'a, "quoted" elm', verdict: 'drop', label: '' },
    ];
    assert.deepEqual(readCorrections(correctionsCsv(corrections), classes), corrections);
    assert.deepEqual(readCorrections('\ufefffile,given,verdict,label\r\nx.jpg,oak,drop,\r\n\r\n', classes), [
      { file: 'x.jpg', given: 'oak', verdict: 'drop', label: '' },
    ]);
    assert.deepEqual(readCorrections('file,given,verdict,label\n', classes), []);
  });

  for (const [what, rows, message] of [
    ['another table', null, /^This is no corrections\.csv: its first line is not file,given,verdict,label\.$/],
    ['a row that is too short', 'x.jpg,oak,drop', /^This is no corrections\.csv: .*line 2\.$/],
    ['an open quote', '"x.jpg,oak,drop,', /^This is no corrections\.csv: /],
    ['a row without a file', ',oak,drop,', /row 1, of no file, names no image\.$/],
    ['an image twice', 'x.jpg,oak,drop,\nx.jpg,oak,keep,oak', /row 2, of x\.jpg, is there twice\.$/],
    ['an unknown verdict', 'x.jpg,oak,maybe,oak', /row 1, of x\.jpg, has the verdict “maybe”, which is none of/],
    ['a label of other data', 'x.jpg,fir,drop,', /has the label “fir”, which is no class of these data\.$/],
    ['a new label of other data', 'x.jpg,oak,accept,fir', /gets the label “fir”, which is no class/],
    ['a kept label that is another', 'x.jpg,oak,keep, ash ', /keeps its label, but “ ash ” is not “oak”\.$/],
    ['a dropped image with a label', 'x.jpg,oak,drop,oak', /is dropped, but has the label “oak”\.$/],
  ] as const) {
    test(`is refused by a sentence: ${what}`, () => {
      const text = rows === null ? 'image_id,label\n1,oak\n' : `file,given,verdict,label\n${rows}\n`;
      assert.throws(() => readCorrections(text, classes), { message });
    });
  }
  test('is refused where it is empty', () => {
    assert.throws(() => readCorrections('', classes), /first line/);
  });
});
