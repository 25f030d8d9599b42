import { pageStyle } from '../page/style.js';

const matrix = `
.matrix{position:relative;overflow:auto}
.matrix[data-zoomed]{max-height:min(85vh,66rem)}
.matrix-grid{display:grid;grid-template-columns:auto auto;width:max-content;margin:0 auto;position:relative}
.matrix-grid.bare{grid-template-columns:auto}.bare .corner{display:none}
.labels{font-size:var(--label);line-height:1;color:var(--soft);background:var(--card);display:grid;z-index:1}
.labels span{line-height:1.25;overflow:hidden;text-overflow:ellipsis;white-space:nowrap}
.labels.left{position:sticky;left:0;grid-auto-rows:var(--cell);align-items:center;text-align:right;padding-right:5px;max-width:var(--room)}
.labels.top{position:sticky;top:0;grid-auto-flow:column;grid-auto-columns:var(--cell);align-items:end;padding-bottom:5px;max-height:var(--room)}
.labels.top span{writing-mode:vertical-rl;transform:rotate(180deg);max-height:calc(var(--room) - 5px);justify-self:center}
.corner{position:sticky;left:0;top:0;background:var(--card);z-index:2}
.labels .active{color:var(--ink);font-weight:700}
.cells{display:block;background:var(--shade);cursor:crosshair}
.cells .diagonal{stroke:var(--rule-strong);stroke-width:1px;vector-effect:non-scaling-stroke;fill:none}
.cells text{font-size:.42px;text-anchor:middle;dominant-baseline:central;fill:var(--ink);pointer-events:none}
.cells .on-dark{fill:var(--on-dark)}
.cells .cursor{fill:none;stroke:var(--ink);stroke-width:2px;vector-effect:non-scaling-stroke;pointer-events:none}
.cells .cross{fill:var(--ink);opacity:.1;pointer-events:none}
#matrix-cell{margin:.6rem .2rem 0;min-height:1.5em}
`;

const images = `
.files{max-height:18rem;overflow:auto;background:var(--card);border:1px solid var(--rule);border-radius:8px;padding:.8rem 1rem}
.pairs{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,30rem),1fr));gap:1.1rem}
.pair{padding:1rem 1.2rem 1.2rem;break-inside:avoid}
.pair h3{margin:0 0 .8rem;overflow-wrap:anywhere}.pair h3 small{display:block}.versus{color:var(--soft);font-weight:400}
.sides{display:grid;grid-template-columns:1fr 1fr;gap:1.2rem}.sides>div{min-width:0}
.sides p{margin:.5rem 0 .35rem;font-size:.9rem}.taken b{color:var(--wrong)}
.strip{all:unset;cursor:pointer;display:grid;grid-template-columns:repeat(3,1fr);gap:.35rem;width:100%;position:relative}
.strip:focus-visible{outline:3px solid var(--accent);outline-offset:3px;border-radius:8px}
.strip:hover .thumb{filter:brightness(1.06)}
.more{position:absolute;right:.3rem;bottom:.3rem;background:var(--ink);color:var(--paper);font-size:.75rem;line-height:1;padding:.25rem .4rem;border-radius:99px}
dialog{width:min(60rem,94vw);max-height:88vh;border:1px solid var(--rule-strong);border-radius:14px;background:var(--paper);color:var(--ink);padding:0}
dialog::backdrop{background:rgba(8,12,16,.55)}
dialog .bar-top{position:sticky;top:0;background:var(--paper);display:flex;gap:1rem;justify-content:space-between;align-items:start;padding:1.1rem 1.4rem .9rem;border-bottom:1px solid var(--rule);z-index:1}
dialog h2{font-size:1.2rem;overflow-wrap:anywhere}
dialog .inside{padding:1.1rem 1.4rem 1.6rem}
dialog h3:first-child{margin-top:0}
#tip{position:fixed;z-index:20;pointer-events:none;background:var(--ink);color:var(--paper);font-size:.85rem;line-height:1.35;padding:.4rem .65rem;border-radius:7px;max-width:20rem;overflow-wrap:anywhere}
`;

/** The report's style sheet, without the thumbnails. */
export const reportStyle = pageStyle(`${matrix}${images}`);
