import { pageStyle } from '../page/style.js';

const bar = `
main,header .inside,footer{max-width:1240px}
nav{display:flex;align-items:center;justify-content:space-between;gap:.2rem 1.5rem;flex-wrap:wrap;padding:0 max(2.5rem,(100% - 1240px)/2 + 2.5rem)}
body nav ul{margin:0;padding:0;max-width:none}
.progress{display:flex;align-items:center;gap:.9rem;color:var(--soft);font-size:.93rem}
.progress span{white-space:nowrap}
progress{appearance:none;width:8rem;height:6px;border:0;border-radius:3px;overflow:hidden;background:var(--rule)}
progress::-webkit-progress-bar{background:var(--rule)}
progress::-webkit-progress-value{background:var(--accent)}
progress::-moz-progress-bar{background:var(--accent)}
.progress .plainbutton{padding:.28rem .7rem}
#overview .hero{margin-top:.9rem;align-items:stretch}
#overview .tiles{grid-template-columns:1fr 1fr}
#overview dd{overflow-wrap:anywhere}
.headline{display:flex;flex-direction:column;justify-content:center}
.finding{margin:1.4rem 0 0}
@media screen{#classes .tall{max-height:21rem}}
#classes tbody th{overflow-wrap:break-word}
@media (min-width:761px){#classes tbody th{min-width:9rem}}
#classes td small{display:inline-block;min-width:6.2rem}
.warning{border:1px solid var(--wrong);background:var(--card);border-radius:10px;padding:.8rem 1.1rem;margin:0 0 1rem}
[hidden]{display:none!important}
.back{color:inherit}
`;

const pane = `
.pane{display:grid;grid-template-columns:minmax(0,5fr) minmax(0,8fr);gap:1.4rem 1.8rem;background:var(--card);border:1px solid var(--rule);border-radius:14px;padding:1.4rem;scroll-margin-top:4rem}
.pane:focus-visible{outline-offset:0;border-radius:14px}
.pane p{margin:0}
#review .tools{margin-top:1rem;column-gap:1.1rem;font-size:.95rem}
.subject{min-width:0}
#subject{background-size:contain;border-radius:10px}
.pane .file{color:var(--soft);font-size:.82rem;margin-top:.5rem;overflow:hidden;text-overflow:ellipsis;white-space:nowrap}
.judge{min-width:0;display:flex;flex-direction:column;gap:1rem}
.place{display:flex;justify-content:space-between;align-items:center;gap:1rem;color:var(--soft)}
.place p{min-width:0;overflow:hidden;text-overflow:ellipsis;white-space:nowrap}
.moves{display:flex;gap:.4rem}
.choices{display:grid;grid-template-columns:1fr 1fr;gap:1.4rem}
.side{min-width:0;display:flex;flex-direction:column;gap:.6rem}
.side-name{color:var(--soft);font-size:.88rem}
.side-name b{display:block;color:var(--ink);font-size:1.12rem;line-height:1.35;overflow:hidden;text-overflow:ellipsis;white-space:nowrap}
.side.suggested b{color:var(--accent)}
.typical{display:grid;grid-template-columns:1fr 1fr;gap:.4rem;aspect-ratio:1;align-content:start}
.typical p{grid-column:1/-1;color:var(--soft);font-size:.88rem}
.verdict{background:var(--card);border:1px solid var(--rule-strong);border-radius:10px;padding:.62rem .8rem;text-align:left;font-weight:600}
.verdict:hover{border-color:var(--ink)}
.suggested .verdict{background:var(--accent-soft);border-color:var(--accent)}
.pane [aria-pressed=true]{box-shadow:inset 0 0 0 2px var(--accent)}
.candidates{display:flex;flex-wrap:wrap;gap:.5rem}
.candidate{display:flex;flex:1 1 auto;gap:.55rem;align-items:baseline;text-align:left;background:var(--card);border:1px solid var(--rule-strong);border-radius:8px;padding:.35rem .6rem;min-width:0}
.candidate:hover{border-color:var(--ink)}
.candidate span{flex:1;min-width:0;overflow-wrap:break-word}.candidate small{white-space:nowrap}
.finished{background:var(--accent-soft);border-radius:12px;padding:1rem 1.3rem;margin:1.1rem 0 0}
.finished p{margin:0 0 .6rem}
.pane[data-unsure] .suggested [data-verdict=accept]{background:var(--card);border-color:var(--rule-strong)}
.others{display:flex;flex-wrap:wrap;gap:.6rem .8rem;align-items:center}
.others label{flex:1 1 16rem;min-width:0;display:flex;gap:.6rem;align-items:center;color:var(--soft);font-size:.92rem;white-space:nowrap}
.others select{flex:1;min-width:0;color:var(--ink);background:var(--card);border:1px solid var(--rule-strong);border-radius:8px;padding:.42rem .6rem}
.pane button:disabled{opacity:.45;cursor:default;border-color:var(--rule-strong)}
kbd{display:inline-block;min-width:1.5em;text-align:center;font:600 .78rem/1.45 ui-monospace,SFMono-Regular,Menlo,Consolas,"Liberation Mono",monospace;border:1px solid var(--rule-strong);border-bottom-width:2px;border-radius:5px;padding:0 .3em;background:var(--paper);color:var(--ink)}
#last-verdict{color:var(--soft);font-size:.92rem;min-height:1.5em;overflow-wrap:anywhere}
.hints{list-style:none;display:grid;grid-template-columns:auto auto;justify-content:start;gap:.4rem 1.6rem;margin:1.1rem 0 0;padding:0;color:var(--soft);font-size:.85rem}
.bad{color:var(--wrong)!important}
`;

const list = `
.tools label{display:inline-flex;align-items:center;gap:.5rem;min-width:0}
.tools select{max-width:13rem;min-width:0}
.tools input[type=range],.tools input[type=checkbox]{accent-color:var(--accent)}
.tools input[type=range]{width:8rem}.tools output{min-width:3.2rem}
.likely-errors{list-style:none;margin:1.2rem 0 0;padding:0;display:grid;grid-template-columns:repeat(auto-fill,minmax(148px,1fr));gap:.5rem}
.scripted .likely-errors{max-height:36rem;overflow:auto;padding:.8rem;background:var(--shade);border-radius:14px}
.likely-errors li{min-width:0;content-visibility:auto;contain-intrinsic-size:auto 148px auto 250px;break-inside:avoid}
.likely-error{all:unset;cursor:pointer;display:block;box-sizing:border-box;width:100%;height:100%;padding:.5rem;border-radius:12px;position:relative;font-size:.85rem;line-height:1.35}
.likely-error:hover{background:var(--shade)}
.likely-error:focus-visible{outline:3px solid var(--accent);outline-offset:-3px}
.likely-error[aria-current]{background:var(--card);box-shadow:inset 0 0 0 2px var(--accent)}
.likely-error .thumb{margin-bottom:.4rem}
.likely-error .outcome{display:flex;justify-content:space-between;gap:.4rem;color:var(--soft);margin-bottom:.15rem}
.likely-error .outcome b{color:var(--ink);min-width:0;font-weight:600;display:-webkit-box;-webkit-box-orient:vertical;-webkit-line-clamp:2;overflow:hidden}
.likely-error .outcome span{white-space:nowrap}
.likely-error .likelier b{color:var(--accent)}
html:not(.scripted) .likely-error .outcome b{display:block}
.likely-error .file{display:block;color:var(--soft);font-size:.75rem;white-space:nowrap;overflow:hidden;text-overflow:ellipsis}
.likely-error[data-decided] .thumb{opacity:.45}
.badge{position:absolute;left:.8rem;top:.8rem;max-width:calc(100% - 1.6rem);background:var(--ink);color:var(--paper);font-size:.75rem;font-weight:600;line-height:1.2;padding:.28rem .5rem;border-radius:99px;overflow:hidden;text-overflow:ellipsis;white-space:nowrap}
[data-decided=accept] .badge{background:var(--accent);color:var(--on-dark)}
@media (max-width:1000px){.pane{grid-template-columns:minmax(0,1fr)}.subject{max-width:26rem;width:100%;margin:0 auto}}
@media (max-width:760px){
nav{padding-inline:1.1rem}.progress{width:100%;padding-bottom:.5rem;justify-content:space-between}progress{flex:1;width:2rem;min-width:1rem}.progress{gap:.6rem;font-size:.85rem}.progress .plainbutton{font-size:.85rem;padding-inline:.5rem}
.pane{padding:.9rem;gap:1rem;margin-inline:-.4rem}.choices{gap:.8rem}.hints{display:none}
.verdict{padding:.6rem;font-size:.92rem}.verdict kbd,.others kbd,.candidate kbd{display:none}.side-name b{white-space:normal}.candidate{flex-basis:100%}#classes td small{display:block;min-width:0}
.likely-errors{grid-template-columns:repeat(auto-fill,minmax(104px,1fr))}
}
@media print{
.scripted .likely-errors{max-height:none;overflow:visible;background:none;padding:0}
.likely-errors{grid-template-columns:repeat(6,1fr)}.likely-errors li{content-visibility:visible}
.likely-error{font-size:8pt;padding:.2rem}.likely-error .outcome b{display:block}#classes td small{font-size:1em}.likely-error[aria-current]{box-shadow:none}.likely-error .file{font-size:6.5pt}
}
`;

/** The audit's style sheet, without the thumbnails. */
export const auditStyle = pageStyle(`${bar}${pane}${list}`);
