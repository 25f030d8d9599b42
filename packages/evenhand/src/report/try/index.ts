export { tryFacts } from './facts.js';
export { tryPage } from './page.js';
export { tryScript } from './scripts.js';
export { tryIcon, tryStyle } from './style.js';
export { MissingRuntime, type WebFiles, webFolder } from './web-folder.js';
