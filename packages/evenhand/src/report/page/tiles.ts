import { html, type Markup } from './markup.js';

export type Tile = readonly [name: string, value: string, note: string];

/** Numbers with their names and notes. */
export const tileList = (tiles: readonly Tile[]): Markup =>
  html`<dl class="tiles">${tiles.map(
    ([name, value, note]) => html`<div><dt>${name}</dt><dd>${value}<small>${note}</small></dd></div>`,
  )}</dl>`;
