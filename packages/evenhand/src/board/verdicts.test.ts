import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { auditPage } from '../report/index.js';
import { createBoard } from './create-board.js';
import { type VerdictChange, VerdictError, VerdictStore } from './verdict-store.js';

const root = mkdtempSync(join(tmpdir(), 'evenhand-verdicts-'));
after(() => rmSync(root, { recursive: true }));
let made = 0;

const classes = ['elm', 'oak, "red"'];
const accept = (file: string): VerdictChange => ({ file, given: 'elm', verdict: 'accept', label: classes[1]! });
const keep = (file: string): VerdictChange => ({ file, given: 'elm', verdict: 'keep', label: '' });

function storeAt(path = join(root, `corrections-${++made}.csv`)): VerdictStore {
  return new VerdictStore(path, classes, (file, given) => file.endsWith('.png') && given === 'elm');
}

const rows = (store: VerdictStore): string[] => readFileSync(store.path, 'utf8').trim().split('\n').slice(1).sort();

describe('corrections.csv of a data set', () => {
  test('keeps every verdict of pages that change it at the same time, and the later of two on an image', async () => {
    const store = storeAt();
    // As a second audit of the same data has it.
    const other = storeAt(store.path);
    const files = Array.from({ length: 40 }, (_, i) => `${String(i).padStart(2, '0')}.png`);
    await Promise.all(files.map((file, i) => (i % 2 === 0 ? store : other).change([keep(file)])));
    assert.deepEqual(
      rows(store),
      files.map((file) => `${file},elm,keep,elm`),
    );
    await Promise.all([store.change([accept('00.png')]), store.change([{ ...keep('01.png'), verdict: 'drop' }])]);
    assert.deepEqual(rows(store).slice(0, 3), [
      '00.png,elm,accept,"oak, ""red"""',
      '01.png,elm,drop,',
      '02.png,elm,keep,elm',
    ]);
    assert.deepEqual(
      readdirSync(root).filter((name) => name.endsWith('.tmp')),
      [],
    );
  });

  test('keeps what another program writes meanwhile', async () => {
    const store = storeAt();
    await store.change([keep('a.png')]);
    writeFileSync(store.path, `${readFileSync(store.path, 'utf8')}b.png,elm,drop,\n`);
    await store.change([keep('c.png')]);
    assert.deepEqual(rows(store), ['a.png,elm,keep,elm', 'b.png,elm,drop,', 'c.png,elm,keep,elm']);
  });

  test('takes a verdict back only if no other has replaced it', async () => {
    const store = storeAt();
    await store.change([accept('a.png'), accept('b.png')]);
    await store.change([keep('b.png')]);
    const undoes = { verdict: 'accept', label: classes[1]! } as const;
    const undo = (file: string): VerdictChange => ({ file, given: 'elm', verdict: null, label: '', undoes });
    assert.deepEqual(await store.change([undo('a.png'), undo('b.png')]), [
      { file: 'a.png', given: 'elm', verdict: null, label: '' },
      { file: 'b.png', given: 'elm', verdict: 'keep', label: 'elm' },
    ]);
    assert.deepEqual(rows(store), ['b.png,elm,keep,elm']);
  });

  test('is left as it is if a verdict is not of this data, or if it is no corrections.csv', async () => {
    const store = storeAt();
    const refused = (change: VerdictChange, message: RegExp) =>
      assert.rejects(store.change([keep('a.png'), change]), (error) => {
        assert.ok(error instanceof VerdictError);
        assert.match(error.message, message);
        return true;
      });
    await refused(keep('a.txt'), /^The audit has no image "a\.txt" with the label "elm"\.$/);
    await refused({ ...accept('a.png'), label: 'fir' }, /^"fir" is not one of the 2 labels of the data\.$/);
    assert.ok(!existsSync(store.path));
    const contents = [
      'file,given\na.png,elm\n',
      'file,given,verdict,label,note\n',
      'file,given,verdict,label\na,elm,may,\n',
      '"',
    ];
    for (const content of contents) {
      writeFileSync(store.path, content);
      await refused(keep('b.png'), /corrections-\d+\.csv/);
      assert.equal(readFileSync(store.path, 'utf8'), content);
    }
    const nowhere = storeAt(join(root, 'none/corrections.csv'));
    await assert.rejects(nowhere.change([keep('a.png')]), /cannot be written: the folder of the data is not there\.$/);
  });
});

describe('an audit that is opened from the board', () => {
  test('has the script of the server alone, and saves verdicts only with the token, from its own pages', async () => {
    const [audits, data] = [join(root, 'audits'), join(root, 'trees')];
    mkdirSync(join(audits, 'trees'), { recursive: true });
    mkdirSync(data);
    const none = { value: 0.5, low: 0.1, high: 0.9 };
    const image = {
      file: 'a.png',
      part: 'train',
      given: 0,
      wrong: 0.9,
      candidates: [{ label: 1, probability: 0.9 }],
    } as const;
    const { html } = await auditPage({
      data,
      name: 'trees',
      classes,
      images: [image],
      rate: none,
      rateByLabel: [none, none],
      kind: 'uniform',
      model: 'mobilenet_v2',
      fingerprint: 'f',
      trainCommand: 'evenhand train trees --corrections corrections.csv',
    });
    writeFileSync(join(audits, 'trees/audit.html'), `${html}<script>alert(1)</script>`);
    writeFileSync(join(audits, 'trees/audit.json'), JSON.stringify({ data, suspects: 1 }));
    const { app } = await createBoard({
      roots: [],
      audits: [audits],
      token: 'secret',
      writeReport: () => assert.fail('no report was asked for'),
    });
    const url = /href="(\/audit\/[^"]+)"/.exec((await app.inject('/')).body)![1]!;
    const page = await app.inject(url);
    assert.doesNotMatch(page.body, /http-equiv|alert\(1\)|<script>/);
    assert.match(page.body, /<script src="\/audit\.js" defer>/);
    assert.match(String(page.headers['content-security-policy']), /script-src 'self';/);
    const post = (headers: Record<string, string>, payload: object = { changes: [keep('a.png')] }) =>
      app.inject({ method: 'POST', url: `${url}/verdicts`, headers, payload });
    const token = { 'x-evenhand-token': 'secret' };
    assert.equal((await post({})).statusCode, 401);
    assert.equal((await post({ ...token, origin: 'http://evil.example' })).statusCode, 403);
    assert.equal((await post({ ...token, host: 'evil.example' })).statusCode, 421);
    assert.equal((await post(token, { changes: [{ ...keep('a.png'), verdict: 'maybe' }] })).statusCode, 400);
    assert.equal((await post(token, { changes: [keep('../b.png')] })).statusCode, 409);
    assert.ok(!existsSync(join(data, 'corrections.csv')));
    const saved = await post(token);
    assert.deepEqual(saved.json(), { changes: [{ file: 'a.png', given: 'elm', verdict: 'keep', label: 'elm' }] });
    assert.equal(readFileSync(join(data, 'corrections.csv'), 'utf8'), 'file,given,verdict,label\na.png,elm,keep,elm\n');
    assert.match((await app.inject('/')).body, /<td class="number">1<\/td><td class="number">1<\/td>/);
    await app.close();
  });
});
