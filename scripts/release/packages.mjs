// The packages of this repository: what they are, and whether they can be published.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = join(dirname(fileURLToPath(import.meta.url)), '../..');

/** The addon that set-up has built in the workspace. */
export const ADDON = join(ROOT, 'packages/torch/build/evenhand_torch.node');

/** The `package.json` of each package that is published. */
export function publishedPackages() {
  return readdirSync(join(ROOT, 'packages'))
    .map((name) => join(ROOT, 'packages', name, 'package.json'))
    .filter((file) => existsSync(file))
    .map((file) => JSON.parse(readFileSync(file, 'utf8')))
    .filter((manifest) => !manifest.private);
}

/** Everything that must be put right before these packages are published, one sentence each. */
export function findings(packages, { provenance }) {
  const found = [];
  const [{ version }] = packages;
  for (const { name, ...manifest } of packages) {
    if (manifest.version !== version)
      found.push(`${name} has version ${manifest.version}, ${packages[0].name} has ${version}: make them equal.`);
    for (const [other, range] of dependenciesOf(manifest)) {
      const own = packages.find((candidate) => candidate.name === other);
      if (own !== undefined && range !== own.version)
        found.push(`${name} depends on ${other} ${range}, which has version ${own.version}: make them equal.`);
    }
    if (provenance && manifest.repository === undefined)
      found.push(
        `${name} has no field "repository", which npm's provenance compares with the public repository it is built in.`,
      );
  }
  if (provenance && !canProve(process.env))
    found.push(
      "npm's provenance is not available here: publish from GitHub Actions with the permission id-token: write, or from GitLab CI with " +
        'an ID token SIGSTORE_ID_TOKEN for sigstore; or give --no-provenance.',
    );
  if (!new RegExp(`^## \\[${escaped(version)}\\]`, 'm').test(readFileSync(join(ROOT, 'CHANGELOG.md'), 'utf8')))
    found.push(
      `CHANGELOG.md has no section "## [${version}]": name the section of unreleased changes so, with a date.`,
    );
  const changed = git('status', '--porcelain');
  if (changed !== '') found.push(`The working tree has changes (${changed.split('\n')[0].trim()} ...): commit them.`);
  if (!git('tag', '--points-at', 'HEAD').split('\n').includes(`v${version}`))
    found.push(`This commit has no tag v${version}: git tag v${version}`);
  return found;
}

/** Whether npm can prove where a package is built, by the conditions of libnpmpublish. */
const canProve = (environment) =>
  environment.GITHUB_ACTIONS
    ? Boolean(environment.ACTIONS_ID_TOKEN_REQUEST_URL)
    : Boolean(environment.GITLAB_CI && environment.SIGSTORE_ID_TOKEN);

const escaped = (text) => text.replaceAll('.', '\\.');

function git(...args) {
  const { status, stdout, stderr } = spawnSync('git', args, { cwd: ROOT, encoding: 'utf8' });
  if (status !== 0) throw new Error(`git ${args.join(' ')} failed: ${stderr.trim()}`);
  return stdout.trim();
}

const dependenciesOf = ({ dependencies, optionalDependencies, peerDependencies }) =>
  Object.entries({ ...dependencies, ...optionalDependencies, ...peerDependencies });
