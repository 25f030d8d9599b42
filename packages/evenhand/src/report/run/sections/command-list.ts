import { html, type Markup } from '../../page/markup.js';
import type { ShellCommand } from '../analysis/next-steps.js';

/** Commands with what each is for. */
export const commandList = (commands: readonly ShellCommand[]): Markup =>
  html`<dl class="commands">${commands.map(({ command, why }) => html`<div><dt>${why}</dt><dd><code>${command}</code></dd></div>`)}</dl>`;
