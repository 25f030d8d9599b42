// Texts to fuzz with: valid in most parts, and odd in others.

/** One of a list. */
export const pick = (items, random) => items[random(items.length)];

/** A list of up to `most` results of `make`. */
export const many = (random, most, make) => Array.from({ length: random(most + 1) }, make);

/** Strings that readers and printers trip over. */
export const oddTexts = [
  '',
  ' ',
  '__proto__',
  'constructor',
  'toString',
  '\u001b[31mred\u001b[0m',
  'a\nevenhand: FAKE',
  'a\rb',
  '\0',
  '\u202eabc',
  '\ud800',
  'e\u0301',
  '\u00e9',
  '\u{1f33c}',
  '=cmd|x',
  '../../etc/passwd',
  '/etc/passwd',
  'C:\\photos\\1.jpg',
  '"',
  "'",
  'a,b;c\td',
  'NaN',
  '-0',
  '1e400',
  '9007199254740993',
  'x'.repeat(5000),
  '[',
  '{',
];

/** A CSV file: of labelled images, images to predict, corrections or labels alone, with odd values here and there. */
export function randomCsv(random) {
  const delimiter = pick([',', ',', ',', ';', '\t'], random);
  const end = pick(['\n', '\n', '\r\n', '\r'], random);
  const header = pick(
    [
      ['filename', 'label'],
      ['image_id', 'filename', 'label'],
      ['id', 'filename'],
      ['file', 'given', 'verdict', 'label'],
      ['filename', 'filename'],
      ['label'],
    ],
    random,
  );
  const odd = 1 + random(40);
  const value = (column) => {
    if (random(odd) === 0) return pick(oddTexts, random);
    if (column === 'verdict') return pick(['accept', 'keep', 'drop'], random);
    if (column === 'filename' || column === 'file') return `${random(20)}.jpg`;
    return pick(['rose', 'tulip', 'daisy', '1', '2', '1.0'], random);
  };
  const quote = (text) => (random(8) === 0 || /[",;\t\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  const rows = many(random, 30, () => {
    const values = header.map(value);
    if (random(odd) === 0) values.push('more');
    return values.map(quote).join(delimiter);
  });
  if (random(20) === 0) rows.unshift(`sep=${delimiter}`);
  const text = [...(random(10) === 0 ? [] : [header.join(delimiter)]), ...rows].join(end) + (random(2) ? end : '');
  const long = random(30) === 0 ? pick(['x', ',', '"', ' '], random).repeat(1 + random(300_000)) : '';
  return encode(text + long, random);
}

function encode(text, random) {
  switch (random(8)) {
    case 0:
      return Buffer.from(`\ufeff${text}`, 'utf16le');
    case 1:
      return Buffer.from(`\ufeff${text}`, 'utf16le').swap16();
    case 2:
      return Buffer.from(text, 'latin1');
    case 3:
      return Buffer.from(`\ufeff${text}`);
    default:
      return Buffer.from(text);
  }
}

/** A configuration file and its extension: keys of `fields` with values that they take, and with others. */
export function randomConfig(fields, random) {
  const names = Object.keys(fields);
  const key = () => (random(25) === 0 ? pick(oddTexts, random) : pick(names, random));
  const value = (name) => (random(4) === 0 ? oddValue(random, 3) : (fields[name]?.default ?? null));
  const entries = Array.from({ length: random(8) }, () => key()).map((name) => [name, value(name)]);
  const extension = pick(['.json', '.toml', '.yaml', '.yml'], random);
  if (extension === '.json') return { text: jsonText(entries, random), extension };
  if (extension === '.toml') return { text: tomlText(entries, random), extension };
  return { text: yamlText(entries, random), extension };
}

function oddValue(random, levels) {
  const kinds = [
    () => null,
    () => random(2) === 1,
    () => random(1000) - 500,
    () => pick([0.1, -0, 1e308, 1e-320, 2 ** 53], random),
    () => pick(oddTexts, random),
    () => many(random, 4, () => (levels === 0 ? 1 : oddValue(random, levels - 1))),
    () => ({ [pick(oddTexts, random)]: levels === 0 ? 1 : oddValue(random, levels - 1) }),
  ];
  return pick(kinds, random)();
}

const nested = (random, open, close) => {
  const depth = 1 + random(12_000);
  return open.repeat(depth) + (random(2) ? close.repeat(depth) : '');
};

function jsonText(entries, random) {
  const parts = entries.map(([name, value]) => `${JSON.stringify(name)}: ${JSON.stringify(value)}`);
  if (random(20) === 0) parts.push(`"epochs": ${nested(random, '[', ']')}`);
  if (random(20) === 0) parts.push(`"epochs": ${nested(random, '{"a":', '}')}`);
  return `{${parts.join(', ')}}`;
}

function tomlText(entries, random) {
  const lines = entries.map(([name, value]) => {
    const left = /^\w+$/.test(name) ? name : JSON.stringify(name);
    return `${left} = ${value === null ? '""' : JSON.stringify(value).replaceAll('":', '"=')}`;
  });
  if (random(20) === 0) lines.push(`epochs = ${nested(random, '[', ']')}`);
  if (random(20) === 0) lines.push(`[${Array.from({ length: 1 + random(2000) }, () => 'a').join('.')}]`);
  if (random(20) === 0) lines.push(pick(['[[a]]', '[a]', 'a.b.c = 1', "x = '''", 'd = 1979-05-27T07:32:00Z'], random));
  return lines.join('\n');
}

/** Nine aliases of nine aliases, and so on: small to read, and endless to expand. */
const expandingAliases = () =>
  [...'abcdefgh']
    .map((name, i, all) => `${name}: &${name} [${Array(9).fill(i === 0 ? 'x' : `*${all[i - 1]}`)}]`)
    .join('\n');

function yamlText(entries, random) {
  const lines = entries.map(([name, value]) => `${random(2) ? JSON.stringify(name) : name}: ${JSON.stringify(value)}`);
  const oddities = [
    () => 'epochs: &a [*a]',
    () => 'epochs: &a { b: *a }',
    expandingAliases,
    () => 'epochs: !!js/function "x"',
    () => '? [a, b]\n: c',
    () => '<<: *missing',
    () => '%TAG ! x\n---',
    () => '---\na: 1\n---\nb: 2',
    () => `epochs: ${nested(random, '[', ']')}`,
    () => `${'- '.repeat(1 + random(5000))}a`,
    () => `epochs: |\n${'  x\n'.repeat(random(2000))}`,
  ];
  if (random(4) === 0) lines.push(pick(oddities, random)());
  return lines.join('\n');
}

const TIMM = {
  architecture: 'convnext_tiny',
  num_classes: 1000,
  global_pool: 'avg',
  model_args: { img_size: 224, global_pool: 'avg', depths: [3, 3, 9, 3] },
  pretrained_cfg: {
    input_size: [3, 224, 224],
    interpolation: 'bicubic',
    crop_pct: 0.95,
    crop_mode: 'squash',
    mean: [0.5, 0.5, 0.5],
    std: [0.5, 0.5, 0.5],
    classifier: 'head.fc',
    license: 'mit',
  },
};
const OPEN_CLIP = {
  model_cfg: {
    quick_gelu: true,
    vision_cfg: { image_size: 224, layers: 12, width: 768, patch_size: 16, head_width: 64 },
  },
  preprocess_cfg: { mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5], interpolation: 'bicubic', resize_mode: 'squash' },
};

/** A `config.json` of timm or `open_clip_config.json`, with odd values here and there. */
export function randomModelConfig(name, random) {
  const odd = 1 + random(20);
  const values = () => [null, 0, -1, 1.5, 1e9, 1e308, true, [], {}, [1], [[[[1]]]], { a: { b: {} } }, ...oddTexts];
  const change = (value) => {
    if (random(odd) === 0) return pick(values(), random);
    if (Array.isArray(value)) return value.map(change);
    if (typeof value !== 'object' || value === null) return value;
    const keyOf = (key) => (random(odd) === 0 ? pick(oddTexts, random) : key);
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [keyOf(key), change(each)]));
  };
  return JSON.stringify(change(name === 'config.json' ? TIMM : OPEN_CLIP));
}
