import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { herbariumSpecies, type Species } from './species.js';
import type { Traits } from './traits.js';

const differences = (a: Species, b: Species): string[] =>
  (Object.keys(a.traits) as (keyof Traits)[]).filter(
    (trait) => JSON.stringify(a.traits[trait]) !== JSON.stringify(b.traits[trait]),
  );

function generaOf(all: readonly Species[]): Species[][] {
  const genera: Species[][] = [];
  for (const species of all) {
    genera[species.genus] ??= [];
    genera[species.genus]!.push(species);
  }
  return genera;
}

describe('herbariumSpecies', () => {
  it('creates 102 species in genera of 3 to 6, each with its own name', () => {
    const all = herbariumSpecies();
    assert.equal(all.length, 102);
    assert.equal(new Set(all.map(({ name }) => name)).size, 102);
    for (const { name } of all) assert.match(name, /^[A-Z][a-z]+ [a-z]+$/);
    for (const genus of generaOf(all)) {
      assert.ok(genus.length >= 3 && genus.length <= 6, `a genus of ${genus.length}`);
      assert.equal(new Set(genus.map(({ name }) => name.split(' ')[0])).size, 1);
    }
  });

  it('lets species of a genus differ in one or both traits of the key, and in nothing else', () => {
    for (const seed of [0, 1, 2]) {
      for (const genus of generaOf(herbariumSpecies({ seed }))) {
        for (const [i, a] of genus.entries()) {
          for (const b of genus.slice(i + 1)) {
            const found = differences(a, b);
            const named = `${a.name} and ${b.name} differ in ${found.join(', ') || 'nothing'}`;
            assert.ok(found.length === 1 || found.length === 2, named);
            assert.ok(
              found.every((trait) => (a.key as readonly string[]).includes(trait)),
              named,
            );
          }
        }
      }
    }
  });

  it('shares no species between genera, worlds or seeds', () => {
    const looks = [{}, { world: 1 }, { world: 2 }, { seed: 1 }].flatMap((options) => herbariumSpecies(options));
    assert.equal(new Set(looks.map(({ traits }) => JSON.stringify(traits))).size, looks.length);
  });

  it('is a pure function of its options', () => {
    assert.deepEqual(herbariumSpecies({ seed: 7, world: 3 }), herbariumSpecies({ seed: 7, world: 3 }));
    assert.equal(herbariumSpecies({ species: 11, genusSizes: [2, 4] }).length, 11);
  });

  it('refuses numbers that do not add up', () => {
    assert.throws(
      () => herbariumSpecies({ species: 2 }),
      /species must be a number that genera of 3 to 6 species can add up to, got 2/,
    );
    assert.throws(() => herbariumSpecies({ species: 7, genusSizes: [5, 6] }), /got 7/);
    assert.throws(
      () => herbariumSpecies({ genusSizes: [1, 6] }),
      /genusSizes must be two whole numbers from 2 to 6 in ascending order, got 1, 6/,
    );
  });
});
