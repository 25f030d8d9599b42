/** The server of `evenhand board`: runs, trainings as they go, comparisons, audits. */
export { type BoardOptions, createBoard } from './create-board.js';
