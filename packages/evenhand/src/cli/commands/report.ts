import { describeValue } from '../../printable.js';
import { htmlReport, type Page, type Setting, type ShellPaths } from '../../report/index.js';
import { RunFolder } from '../../run/index.js';
import { DATA_FILES, type Field, type FieldName, fields } from '../../train/index.js';
import type { Command } from '../command.js';
import { expectPositionals, type Flag, parseFlags } from '../options/flags.js';
import { exitCodes, printableMessage } from '../output/errors.js';
import { writePage } from '../output/files.js';
import { quoted } from '../output/text.js';

const flags: readonly Flag[] = [
  { name: 'out', boolean: false, value: 'FILE', doc: 'page to write [RUN/report.html]' },
  {
    name: 'data',
    boolean: false,
    value: 'PATH',
    doc: 'current location of the training data, if it has moved',
  },
];

export const report: Command = {
  name: 'report',
  usage: ['report RUN [OPTIONS]'],
  about: [
    'Writes an HTML report on a run as one file that needs no network: Macro F1 with its interval, learning curves, ' +
      'per-class scores, the confusion matrix with its images, likely label errors, calibration, and the commands that ' +
      'reproduce the run. The page can be printed.',
  ],
  flags,
  async run(args) {
    const parsed = parseFlags('report', args, flags);
    const [run] = expectPositionals('report', parsed, ['RUN']);
    const folder = RunFolder.open(run!);
    const { html, notes } = await pageOfRun(run!, parsed.flags.get('data'));
    const out = parsed.flags.get('out') ?? folder.report;
    writePage(out, html);
    const size = (Buffer.byteLength(html) / 1e6).toFixed(1);
    console.log([`${out}: ${size} MB, opens in any browser`, ...notes.map(printableMessage)].join('\n'));
    return exitCodes.done;
  },
};

/**
 * The report of a run.
 *
 * @param data where its data are now, if they have moved
 */
export async function pageOfRun(run: string, data: string | undefined): Promise<Page> {
  const folder = RunFolder.open(run);
  return htmlReport(folder, {
    settings: settingsOf(folder.readConfig()),
    paths: shellPaths(run, folder.readConfig(), data),
    ...(data === undefined ? {} : { data }),
  });
}

function settingsOf(config: Readonly<Record<string, unknown>>): Setting[] {
  return Object.entries(config).map(([name, value]) => {
    const field: (Field<unknown> & { group: string }) | undefined = Object.hasOwn(fields, name)
      ? fields[name as FieldName]
      : undefined;
    const text = textOf(value);
    if (field === undefined) return { name, value: text };
    const byDefault = textOf(field.default);
    // Where the data are is stated elsewhere on the page.
    const isLocation = field.group === DATA_FILES && field.isPath !== undefined;
    return { name, value: text, default: byDefault, changed: text !== byDefault && !isLocation, doc: field.doc };
  });
}

const textOf = (value: unknown): string =>
  (Array.isArray(value) ? value : [value]).map((x) => (typeof x === 'string' ? x : describeValue(x))).join(', ');

/** The run folder and the data as they are typed in a shell. */
function shellPaths(run: string, config: Readonly<Record<string, unknown>>, movedTo: string | undefined): ShellPaths {
  const folder = run.replace(/(?<=.)[\\/]+$/, '');
  const data = movedTo ?? config.data;
  return {
    run: quoted(run),
    data: typeof data === 'string' && data !== '' ? quoted(data) : 'DATA',
    file: (name) => quoted(`${folder}/${name}`),
    sibling: (suffix) => quoted(`${folder}-${suffix}`),
  };
}
