import type { Random } from 'evenhand/random';
import { pick } from './drawing/chance.js';

const GENUS_STARTS =
  'Al Be Cal Cor Da El Fen Gal Hel Ir Ju Lu Mar Mel Ner No Or Pel Quil Ro Sal Syl Tha Ul Ver Vi Xan Zin'.split(' ');
const GENUS_MIDDLES = 'an ar be ci da el en i il la lo me na o or ra ri se ta the u va ve'.split(' ');
const GENUS_ENDS = 'nia ria lia thera phyllum dora ssa lis anthe cea mis ba stemma ndra ria rium'.split(' ');
const EPITHET_STARTS =
  'alb ampl arv aur bor cael call clar cris decor dulc fest flor frag grac hum insul lac lat lun mac min mont nem niv pall parv prat pulch ros rub rup sat sil son spec strict sub ten tris umbr vag vell vern vesp vir'.split(
    ' ',
  );
const EPITHET_ENDS =
  'ensis ata ella ina ilis ifera osa alis ula icola escens ana iflora ica antha odora aria eris ida ulenta'.split(' ');

/** A made-up genus name such as `Lunaria` that is not in `taken`; it is added to it. */
export function genusName(random: Random, taken: Set<string>): string {
  return newName(taken, () => pick(random, GENUS_STARTS) + pick(random, GENUS_MIDDLES) + pick(random, GENUS_ENDS));
}

/** A made-up epithet such as `vesperis` that is not in `taken`; it is added to it. */
export function epithet(random: Random, taken: Set<string>): string {
  return newName(taken, () => pick(random, EPITHET_STARTS) + pick(random, EPITHET_ENDS));
}

function newName(taken: Set<string>, invent: () => string): string {
  for (;;) {
    const name = invent();
    if (taken.has(name)) continue;
    taken.add(name);
    return name;
  }
}
