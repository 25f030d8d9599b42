import { spawnSync } from 'node:child_process';
import { run } from './command.mjs';
import { ROOT } from './packages.mjs';

/**
 * Publishes archives in their order, dependencies first, so that no published package lacks one. Those that npm has are
 * skipped, so that an interrupted publication can be continued.
 *
 * @param archives the paths of the archives by name of the package
 */
export async function publish(archives, { 'dry-run': dryRun, 'no-provenance': noProvenance, tag }) {
  for (const [name, archive] of archives) {
    const version = await versionOf(archive);
    if (isPublished(name, version)) {
      console.log(`${name} ${version} is on npm already`);
      continue;
    }
    const flags = [
      '--access',
      'public',
      '--tag',
      tag,
      `--provenance=${!noProvenance}`,
      ...(dryRun ? ['--dry-run'] : []),
    ];
    await run('npm', ['publish', archive, ...flags], { cwd: ROOT });
    console.log(`${dryRun ? 'would publish' : 'published'} ${name} ${version}`);
  }
}

async function versionOf(archive) {
  const manifest = await run('tar', ['--extract', '--to-stdout', '--file', archive, 'package/package.json'], {
    cwd: ROOT,
  });
  return JSON.parse(manifest).version;
}

function isPublished(name, version) {
  const { status, stdout, stderr } = spawnSync('npm', ['view', `${name}@${version}`, 'version'], { encoding: 'utf8' });
  if (status === 0) return stdout.trim() === version;
  if (stderr.includes('E404')) return false;
  throw new Error(`npm cannot say whether ${name} ${version} is published: ${stderr.trim()}`);
}
