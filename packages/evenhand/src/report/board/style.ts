import { pageStyle } from '../page/style.js';

/** Colours of runs in comparisons, which differ in lightness too; further runs repeat them with dashed lines. */
const runColours = {
  light: ['#00664f', '#c26a12', '#2f6fae', '#a3387a', '#6b6200', '#5b4bb0', '#b3392b', '#59636e'],
  dark: ['#4fc3a1', '#eba65f', '#6db1e8', '#e58ec2', '#cfc052', '#aca2f5', '#f28b80', '#a2acb7'],
};

export const NUM_COLOURS = runColours.light.length;

const declare = (colours: readonly string[]): string => colours.map((colour, i) => `--run-${i}:${colour};`).join('');

const own = `
:root{${declare(runColours.light)}}
@media (prefers-color-scheme:dark){:root:not([data-theme=light]){${declare(runColours.dark)}}}
:root[data-theme=dark]{${declare(runColours.dark)}}
@media print{:root,:root[data-theme=dark],:root:not([data-theme=light]){${declare(runColours.light)}}}
main,header .inside,nav ul,footer{max-width:1240px}
[hidden]{display:none!important}
header .eyebrow a{color:inherit;text-decoration:none}header .eyebrow a:hover{text-decoration:underline}
.path{overflow-wrap:anywhere}
.state{display:inline-flex;align-items:center;gap:.45rem;white-space:nowrap}
.state i{flex:none;width:.6rem;height:.6rem;border-radius:50%;background:var(--rule-strong)}
.state.training i{background:var(--accent);box-shadow:0 0 0 3px var(--accent-soft)}
.state.finished i{background:var(--accent)}
.state.failed i,.state.damaged i{background:var(--wrong);border-radius:2px}
.state.stopped i,.state.interrupted i{background:transparent;border:2px solid var(--other)}
.state.unknown i{background:transparent;border:2px solid var(--rule-strong)}
.problem{border:1px solid var(--wrong);background:var(--card);border-radius:10px;padding:.8rem 1.1rem;margin:0 0 1.2rem;overflow-wrap:anywhere}
progress{appearance:none;display:block;width:100%;height:8px;border:0;border-radius:4px;overflow:hidden;background:var(--rule)}
progress::-webkit-progress-bar{background:var(--rule)}
progress::-webkit-progress-value{background:var(--accent)}
progress::-moz-progress-bar{background:var(--accent)}
.now{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,22rem),1fr));gap:1rem}
.now article{background:var(--card);border:1px solid var(--rule);border-radius:12px;padding:1rem 1.2rem;min-width:0}
.now h3{margin:0;font-size:1.05rem;overflow-wrap:anywhere}
.now p{margin:.15rem 0 .6rem;color:var(--soft);font-size:.92rem}
.now dl{display:flex;flex-wrap:wrap;gap:.3rem 1.5rem;margin:.7rem 0 0}
.now dt{color:var(--soft);font-size:.8rem}.now dd{margin:0;font-weight:600}
.runs{max-height:max(34rem,74vh)}
.runs tbody th{min-width:13.5rem;overflow-wrap:break-word}
.only-phone{display:none}
.runs tbody th label{display:grid;grid-template-columns:auto minmax(0,1fr);gap:.1rem .6rem;align-items:start}
.runs tbody th small{grid-column:2;display:block}
.runs input[type=checkbox]{margin:.3rem 0 0;width:1rem;height:1rem;accent-color:var(--accent)}
.runs td{white-space:nowrap}
.runs td small{display:block}
.runs .wrap{white-space:normal;min-width:7.5rem;overflow-wrap:break-word}
.actions{display:flex;flex-wrap:wrap;gap:.6rem;margin:0 0 1.2rem}
a.plainbutton{text-decoration:none;color:inherit;display:inline-block}
.primary{background:var(--ink)!important;color:var(--paper);border-color:var(--ink)!important}
.primary:disabled{opacity:.45;cursor:default}
.status .tiles{grid-template-columns:repeat(auto-fit,minmax(135px,1fr))}
.status .tiles dd{font-size:1.4rem}
.status .tiles{align-content:start}
.stage{background:var(--card);border:1px solid var(--rule);border-radius:12px;padding:1rem 1.2rem;margin-bottom:1.2rem}
.stage progress{margin-top:.7rem}
.stage p{margin:0;display:flex;flex-wrap:wrap;gap:.2rem 1.2rem;justify-content:space-between}
.hero.single{grid-template-columns:minmax(0,1fr)}
.key i.run{display:inline-block;width:18px;height:4px;border-radius:2px;background:var(--colour);vertical-align:middle;margin-right:.4rem}
.key i.run.dashed{background:repeating-linear-gradient(90deg,var(--colour) 0 6px,transparent 6px 9px)}
${Array.from({ length: NUM_COLOURS }, (_, i) => `.run-${i}{--colour:var(--run-${i})}`).join('')}
#log{margin:0;background:var(--card);border:1px solid var(--rule);border-radius:12px;padding:.9rem 1.1rem;max-height:26rem;overflow:auto;white-space:pre-wrap;overflow-wrap:anywhere;font-size:.82rem;line-height:1.5}
.compared th,.compared td{vertical-align:middle}
.compared tbody th{min-width:12rem;overflow-wrap:anywhere}
.compared td{white-space:nowrap}
.compared .reason{white-space:normal;color:var(--soft)}
.gain{position:relative;display:block;width:9rem;height:12px;border-radius:6px;background:var(--rule)}
.gain::before{content:"";position:absolute;left:50%;top:-3px;bottom:-3px;width:2px;margin-left:-1px;background:var(--rule-strong)}
.gain i{position:absolute;top:0;bottom:0;border-radius:6px;background:var(--soft);opacity:.45}
.gain b{position:absolute;top:-3px;bottom:-3px;width:4px;margin-left:-2px;border-radius:2px;background:var(--soft)}
.gain.better i,.gain.better b{background:var(--accent)}.gain.worse i,.gain.worse b{background:var(--wrong)}
.gain.better i,.gain.worse i{opacity:.35}
.verdict-word{font-weight:600}.verdict-word.better{color:var(--accent)}.verdict-word.worse{color:var(--wrong-4)}
.different th,.different td{min-width:8rem;max-width:22rem;overflow-wrap:anywhere;white-space:normal}
.changes{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,25rem),1fr));gap:1.1rem}
.change{background:var(--card);border:1px solid var(--rule);border-radius:12px;padding:1rem 1.2rem;min-width:0}
.change h4 small{display:block}
.change .gallery{grid-template-columns:repeat(auto-fill,minmax(84px,1fr));gap:.6rem}
.change figure{padding:0;border:0;background:none}
.change figcaption{font-size:.76rem;line-height:1.3;padding-top:.25rem;overflow-wrap:anywhere}
body .change .outcome.right b{color:var(--right-4)}body .change .outcome.wrong b{color:var(--wrong-4)}
img.thumb{width:100%;height:auto;object-fit:cover}
.choice select{max-width:min(28rem,70vw)}
#tip{position:fixed;z-index:20;pointer-events:none;background:var(--ink);color:var(--paper);font-size:.85rem;line-height:1.35;padding:.4rem .65rem;border-radius:7px;max-width:20rem;overflow-wrap:anywhere}
.legend{margin-top:.9rem}
@media (max-width:900px){.two{grid-template-columns:minmax(0,1fr)}}
@media (max-width:760px){
.only-phone{display:block}
.compared thead{display:none}
.compared tr{display:grid;grid-template-columns:auto 1fr;border-bottom:1px solid var(--rule);padding:.6rem 0}
.compared th,.compared td{border:0;padding:.15rem .2rem}
.compared tbody th,.compared .reason,.compared td[colspan]{grid-column:1/-1}
.compared td[data-name]{grid-column:1/-1;text-align:left}
.compared td[data-name]::before{content:attr(data-name) " ";color:var(--soft);font-size:.85rem}
.compared .detail{display:none}
.runs tbody th{min-width:0}.runs td{white-space:normal}
.gain{width:6rem}
#log{padding:.7rem .8rem;font-size:.76rem}
}
`;

/** The style sheet of the board. */
export const boardStyle = pageStyle(own);
