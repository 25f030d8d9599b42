import { type Content, html, type Markup } from './markup.js';

/** Names with their values. */
export const factList = (facts: readonly (readonly [name: string, value: Content])[]): Markup =>
  html`<dl class="facts">${facts.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`;
