import { Random } from 'evenhand/random';
import { about, pick, shuffled, within } from './drawing/chance.js';
import { FORMS, type Form } from './drawing/forms.js';
import { epithet, genusName } from './names.js';
import { KEY_TRAITS, type KeyTrait, PETAL_COLOURS, type Traits } from './traits.js';

/** One species of a herbarium: plain data, from which its images are drawn. */
export interface Species {
  /** A made-up binomial, as `Lunaria vesperis`. */
  readonly name: string;
  readonly seed: number;
  readonly world: number;
  /** Which genus of its world, and which species of its genus, from 0. */
  readonly genus: number;
  readonly index: number;
  readonly traits: Traits;
  /** The two traits in which the species of its genus differ, in at least one of them; they share all others. */
  readonly key: readonly [KeyTrait, KeyTrait];
}

export interface SpeciesOptions {
  /** Everything follows from it; default 0. */
  readonly seed?: number;
  /** Another world has other species under the same seed, as for pretraining; default 0. */
  readonly world?: number;
  /** How many species; default 102. */
  readonly species?: number;
  /** The fewest and most species in a genus, from 2 to 6; default [3, 6]. */
  readonly genusSizes?: readonly [number, number];
}

/** What a random number is for, so that two uses of one seed never share numbers. */
const PURPOSE = { sizes: 1, forms: 2, genus: 3, names: 4, colours: 5 };

/**
 * The species of a world, genus by genus. A pure function of its options.
 * @throws RangeError for options out of range, or when no genera of these sizes have so many species together
 */
export function herbariumSpecies(options: SpeciesOptions = {}): Species[] {
  const { seed = 0, world = 0, species = 102, genusSizes = [3, 6] } = options;
  const sizes = sizesOf(new Random(seed, world, PURPOSE.sizes), species, genusSizes);
  const names = new Random(seed, world, PURPOSE.names);
  const forms = inTurn(new Random(seed, world, PURPOSE.forms), Object.keys(FORMS), sizes.length);
  const colours = inTurn(new Random(seed, world, PURPOSE.colours), [...PETAL_COLOURS.keys()], sizes.length);
  const genera = new Set<string>();
  return sizes.flatMap((size, genus) => {
    const random = new Random(seed, world, PURPOSE.genus, genus);
    const { base, key, members } = genusOf(random, forms[genus]!, colours[genus]!, size);
    const first = genusName(names, genera);
    const epithets = new Set<string>();
    return members.map((own, index): Species => {
      const name = `${first} ${epithet(names, epithets)}`;
      return { name, seed, world, genus, index, key, traits: { ...base, ...own } };
    });
  });
}

/** Sizes of genera that come to `total`, each at random among those after which the rest can still be shared out. */
function sizesOf(random: Random, total: number, [fewest, most]: readonly [number, number]): number[] {
  if (!(Number.isInteger(fewest) && Number.isInteger(most) && 2 <= fewest && fewest <= most && most <= 6)) {
    throw new RangeError(
      `Herbarium expects genusSizes to be two integers from 2 to 6 in order, not ${fewest}, ${most}`,
    );
  }
  const possible = (n: number): boolean => n === 0 || Math.ceil(n / most) * fewest <= n;
  if (!(Number.isInteger(total) && total > 0 && possible(total))) {
    throw new RangeError(
      `Herbarium expects a number of species that genera of ${fewest} to ${most} add up to, not ${total}`,
    );
  }
  const sizes: number[] = [];
  let rest = total;
  while (rest > 0) {
    const choices = Array.from({ length: most - fewest + 1 }, (_, i) => fewest + i);
    const size = pick(
      random,
      choices.filter((choice) => choice <= rest && possible(rest - choice)),
    );
    sizes.push(size);
    rest -= size;
  }
  return sizes;
}

/** `count` of the choices; none comes again before all have come. */
function inTurn<T>(random: Random, choices: readonly T[], count: number): T[] {
  const taken: T[] = [];
  while (taken.length < count) taken.push(...shuffled(random, choices));
  return taken.slice(0, count);
}

type Values = { readonly [T in KeyTrait]: readonly Traits[T][] };

function genusOf(random: Random, form: string, colour: number, size: number) {
  const row = FORMS[form]!;
  const values = valuesOf(random, row, colour);
  const base = traitsOf(random, form, row, values);
  const [a, b] = keyOf(random, row, values, size);
  const pairs = values[a].flatMap((of) => values[b].map((and): Partial<Traits> => ({ [a]: of, [b]: and })));
  return { base, key: [a, b] as const, members: shuffled(random, pairs).slice(0, size) };
}

/** What each key trait can be in this genus, in random order and at most three, clearly different from one another. */
function valuesOf(random: Random, row: Form, first: number): Values {
  const some = <T>(choices: readonly T[]): T[] => shuffled(random, choices).slice(0, 3);
  const marked = <T extends string>(trait: Form['marks'][number], marks: readonly T[]): (T | 'none')[] =>
    row.marks.includes(trait) ? shuffled(random, ['none' as const, ...shuffled(random, marks).slice(0, 2)]) : ['none'];
  // Far enough apart to be told in any light, near enough to be of one family.
  const colours = [0, 3, 5].map((step) => {
    const { l, c, h } = PETAL_COLOURS[(first + step) % PETAL_COLOURS.length]!;
    return { l: Math.min(0.97, about(random, l, 0.025)), c: c * about(random, 1, 0.12), h: about(random, h, 5) };
  });
  return {
    petals: some(row.petals),
    layers: some(row.layers),
    tip: some(row.tips),
    colour: some(colours),
    eye: marked('eye', ['pale', 'dark', 'golden']),
    spots: marked('spots', ['freckles', 'blotch', 'scattered']),
    veins: marked('veins', ['bold']),
    edge: marked('edge', ['pale', 'dark']),
    heartColour: some(['gold', 'wine', 'lime', 'ivory']),
  };
}

/** Two traits with enough values between them. */
function keyOf(random: Random, row: Form, values: Values, size: number): [KeyTrait, KeyTrait] {
  const inside = row.rise[0] > 48 || row.centres.includes('throat');
  const seen = KEY_TRAITS.filter((trait) => values[trait].length > 1 && !(trait === 'heartColour' && inside));
  const pairs = seen.flatMap((a) => seen.filter((b) => b !== a).map((b): [KeyTrait, KeyTrait] => [a, b]));
  return pick(
    random,
    pairs.filter(([a, b]) => values[a].length * values[b].length >= size),
  );
}

/** Traits of the genus' own; its species replace those of the key. */
function traitsOf(random: Random, form: string, row: Form, values: Values): Traits {
  const leaf = pick(random, ['linear', 'lanceolate', 'ovate', 'heart', 'lobed', 'pinnate'] as const);
  return {
    form,
    petals: values.petals[0]!,
    layers: values.layers[0]!,
    tip: values.tip[0]!,
    colour: values.colour[0]!,
    eye: values.eye[0]!,
    spots: values.spots[0]!,
    veins: values.veins[0]!,
    edge: values.edge[0]!,
    heartColour: values.heartColour[0]!,
    profile: pick(random, row.profiles),
    width: within(random, row.width),
    rise: within(random, row.rise),
    bend: within(random, row.bend),
    curl: within(random, row.curl),
    ruffle: within(random, row.ruffle),
    twist: within(random, row.twist),
    fade: within(random, [-0.08, 0.12]),
    centre: pick(random, row.centres),
    heart: within(random, row.heart),
    leaf,
    leafColour: { l: within(random, [0.44, 0.6]), c: within(random, [0.07, 0.13]), h: within(random, [122, 150]) },
  };
}
