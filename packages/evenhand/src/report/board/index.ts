/** The pages of `evenhand board`, which its server sends. */

export { payloadOfAudit, servedAudit } from '../audit/serve.js';
export { makeThumbnail } from '../page/thumbnails.js';
export { comparePage } from './compare-page.js';
export { listPage, runRow, trainingNow } from './list-page.js';
export { curves, foldTable, runPage, statusPart } from './run-page.js';
export { boardScripts } from './scripts.js';
export { boardStyle } from './style.js';
