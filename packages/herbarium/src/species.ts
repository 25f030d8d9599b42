import { Random } from 'evenhand/random';
import { about, pick, shuffled, within } from './drawing/chance.js';
import { FORMS, type Form } from './drawing/forms.js';
import { epithet, genusName } from './names.js';
import { KEY_TRAITS, type KeyTrait, PETAL_COLOURS, type Traits } from './traits.js';

/** One species: plain data from which its images are drawn. */
export interface Species {
  /** A made-up binomial such as `Lunaria vesperis`. */
  readonly name: string;
  readonly seed: number;
  readonly world: number;
  /** Index of the genus in its world, and of the species in its genus. */
  readonly genus: number;
  readonly index: number;
  readonly traits: Traits;
  /** The two traits of which the species of its genus differ in at least one; they share all others. */
  readonly key: readonly [KeyTrait, KeyTrait];
}

export interface SpeciesOptions {
  /** Determines everything that is random [0]. */
  readonly seed?: number;
  /** Another world has other species with the same seed, for example for pretraining [0]. */
  readonly world?: number;
  /** Number of species [102]. */
  readonly species?: number;
  /** Minimum and maximum number of species per genus, from 2 to 6 [3, 6]. */
  readonly genusSizes?: readonly [number, number];
}

/** Streams of random numbers, so that two uses of one seed never share numbers. */
const PURPOSE = { sizes: 1, forms: 2, genus: 3, names: 4, colours: 5 };

/**
 * The species of a world, genus by genus: a pure function of its options.
 *
 * @throws RangeError if an option is out of range, or if no genera of these sizes add up to the number of species
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

/** Random sizes of genera that add up to `total`. */
function sizesOf(random: Random, total: number, [fewest, most]: readonly [number, number]): number[] {
  if (!(Number.isInteger(fewest) && Number.isInteger(most) && 2 <= fewest && fewest <= most && most <= 6)) {
    throw new RangeError(
      `genusSizes must be two whole numbers from 2 to 6 in ascending order, got ${fewest}, ${most}.`,
    );
  }
  const possible = (n: number): boolean => n === 0 || Math.ceil(n / most) * fewest <= n;
  if (!(Number.isInteger(total) && total > 0 && possible(total))) {
    throw new RangeError(
      `species must be a number that genera of ${fewest} to ${most} species can add up to, got ${total}.`,
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

/** `count` of the choices in random order; none is repeated before all have been used. */
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
  const pairs = values[a].flatMap((first) => values[b].map((second): Partial<Traits> => ({ [a]: first, [b]: second })));
  return { base, key: [a, b] as const, members: shuffled(random, pairs).slice(0, size) };
}

/** The values of each key trait in this genus: at most three, clearly different, in random order. */
function valuesOf(random: Random, row: Form, first: number): Values {
  const some = <T>(choices: readonly T[]): T[] => shuffled(random, choices).slice(0, 3);
  const marked = <T extends string>(trait: Form['marks'][number], marks: readonly T[]): (T | 'none')[] =>
    row.marks.includes(trait) ? shuffled(random, ['none' as const, ...shuffled(random, marks).slice(0, 2)]) : ['none'];
  // Far enough apart to be distinguished in any light, close enough to belong together.
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

/** Traits that the genus shares; its species replace those of the key. */
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
