import { randomUUID } from 'node:crypto';
import { existsSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { copyFile, mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { basename, dirname, join, relative } from 'node:path';
import { systemCode } from './weights-error.js';

/** A commit of a repository, by its hash. */
export const isCommit = (revision: string): boolean => /^[0-9a-f]{40}$/.test(revision);

/**
 * The folder of a repository in the cache that is shared with Python's huggingface_hub: `refs/<revision>` holds the commit
 * of a branch, `blobs/<etag>` the contents, `snapshots/<commit>/<file>` links to them, `.no_exist/<commit>/<file>` marks
 * files that the commit lacks. Source: huggingface_hub `file_download.py`.
 */
export class HubCache {
  readonly folder: string;

  constructor(cache: string, repository: string) {
    this.folder = join(cache, ['models', ...repository.split('/')].join('--'));
  }

  blob(etag: string): string {
    return join(this.folder, 'blobs', etag);
  }

  /** The commit that a branch or tag had when it was last looked up; undefined if never. */
  commitOf(revision: string): string | undefined {
    if (isCommit(revision)) return revision;
    try {
      const commit = readFileSync(join(this.folder, 'refs', revision), 'utf8').trim();
      return isCommit(commit) ? commit : undefined;
    } catch {
      return undefined;
    }
  }

  /** The path of a file of a commit, if it is here. */
  find(commit: string, file: string): string | undefined {
    const path = this.#snapshot(commit, file);
    try {
      return statSync(path).isFile() ? path : undefined;
    } catch {
      return undefined;
    }
  }

  /** Whether the commit is known to lack the file. */
  isAbsent(commit: string, file: string): boolean {
    return existsSync(join(this.folder, '.no_exist', commit, file));
  }

  /** The name of the blob behind a snapshot's link; undefined where links are impossible and the file itself is there. */
  etagOf(path: string): string | undefined {
    const target = realpathSync(path);
    return basename(dirname(target)) === 'blobs' ? basename(target) : undefined;
  }

  async remember(revision: string, commit: string): Promise<void> {
    if (revision === commit || this.commitOf(revision) === commit) return;
    const path = join(this.folder, 'refs', revision);
    await mkdir(dirname(path), { recursive: true });
    // Atomic, so that nobody reads half of it.
    const temporary = `${path}.${randomUUID().slice(0, 8)}.tmp`;
    await writeFile(temporary, commit);
    await rename(temporary, path);
  }

  async rememberAbsence(commit: string, file: string): Promise<void> {
    const path = join(this.folder, '.no_exist', commit, file);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, '');
  }

  /** Gives a blob its name in a snapshot: by a relative link or, where there are none, by moving or copying it there. */
  async link(
    etag: string,
    commit: string,
    file: string,
    options: { isNew: boolean; symlinks: boolean },
  ): Promise<string> {
    const path = this.#snapshot(commit, file);
    const blob = this.blob(etag);
    await mkdir(dirname(path), { recursive: true });
    await rm(path, { force: true });
    if (options.symlinks) {
      try {
        await symlink(relative(dirname(path), blob), path);
        return path;
      } catch (error) {
        // Another process was faster; its link leads to the same place.
        if (systemCode(error) === 'EEXIST') return path;
        if (systemCode(error) === 'ENOSPC' || systemCode(error) === 'EDQUOT') throw error;
      }
    }
    if (options.isNew) {
      await rename(blob, path);
    } else {
      const temporary = `${path}.${randomUUID().slice(0, 8)}.tmp`;
      await copyFile(blob, temporary);
      await rename(temporary, path);
    }
    return path;
  }

  /** Removes a damaged file and its blob. */
  async remove(path: string): Promise<void> {
    const etag = this.etagOf(path);
    if (etag !== undefined) await rm(this.blob(etag), { force: true });
    await rm(path, { force: true });
  }

  #snapshot(commit: string, file: string): string {
    return join(this.folder, 'snapshots', commit, file);
  }
}
