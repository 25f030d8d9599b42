import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { describeValue, printable } from './printable.js';

describe('printable', () => {
  test('leaves ordinary text as it is', () => {
    assert.equal(printable('Löwenzahn 蒲公英 🌼'), 'Löwenzahn 蒲公英 🌼');
  });

  test('makes line breaks, terminal sequences and marks that reorder text visible', () => {
    assert.equal(printable('a\nb\u001b[31mc\u202ed\u009b'), 'a\\nb\\x1b[31mc\\u202ed\\x9b');
    assert.equal(printable('a\ud83c'), 'a\\ud83c');
  });

  test('cuts long text', () => {
    assert.equal(printable('x'.repeat(1e7)), `${'x'.repeat(200)}…`);
    assert.equal(printable('abc', 2), 'ab…');
  });
});

describe('describeValue', () => {
  test('names simple values', () => {
    assert.equal(['a', 1, null, undefined, true, 10n].map(describeValue).join(' '), '"a" 1 null undefined true 10');
  });

  test('does not follow circular, deep or long values', () => {
    const circular: unknown[] = [1];
    circular.push(circular);
    assert.equal(describeValue(circular), '[1, …]');
    let deep: unknown = 0;
    for (let i = 0; i < 1e6; i++) deep = { deep };
    assert.equal(describeValue(deep), '{…}');
    assert.equal(describeValue(new Array(1e6).fill(0)), '[0, 0, 0, 0, 0, 0, 0, 0, …]');
  });
});
