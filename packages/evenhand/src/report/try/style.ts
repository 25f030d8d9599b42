import { pageStyle } from '../page/style.js';

const own = `
header{padding:1.8rem 0 1.2rem}
h1{font-size:clamp(1.5rem,3.4vw,2.1rem)}
main{padding-bottom:1rem}
[hidden]{display:none!important}
.workbench{display:grid;grid-template-columns:minmax(0,1fr) minmax(0,1fr);gap:1.4rem;align-items:start}
.panel{background:var(--card);border:1px solid var(--rule);border-radius:14px;padding:1.3rem;min-width:0}
.image{padding:0;overflow:hidden}
.choose{display:flex;flex-direction:column;align-items:center;justify-content:center;gap:.5rem;text-align:center;min-height:23rem;padding:2rem 1.3rem;border:2px dashed var(--rule-strong);border-radius:12px;margin:.6rem}
.choose:focus-visible{outline-offset:-5px}
.over .choose,.over .preview{background:var(--accent-soft);border-color:var(--accent)}
.choose p{margin:0}
.big-hint{font-size:1.2rem;font-weight:650}
.hint{color:var(--soft);font-size:.9rem;line-height:1.45;margin:.5rem 0 0}
.hint:empty{display:none}
.actions{display:flex;flex-wrap:wrap;gap:.6rem;justify-content:center;margin-top:.8rem}
.mainbutton{background:var(--accent);color:var(--on-dark);border:1px solid var(--accent);border-radius:8px;padding:.55rem 1.1rem;font-weight:600}
.mainbutton:hover{filter:brightness(1.08)}
.plainbutton{padding:.55rem .9rem}
.plainbutton:disabled{opacity:.5;cursor:default;border-color:var(--rule-strong)}
.plainbutton[aria-pressed=true]{background:var(--accent-soft);border-color:var(--accent)}
.coarse{display:none}
@media (any-pointer:coarse){.coarse{display:revert}.fine{display:none}}
.preview{padding:1rem}
.preview .actions{justify-content:flex-start}
.frame{position:relative;width:100%;margin:0 auto;border-radius:10px;overflow:hidden;background:var(--shade);line-height:0}
.frame img{display:block;width:100%;height:auto}
.frame.broken{width:100%!important;min-height:10rem;display:grid;place-items:center;line-height:1.4}
.frame.broken img,.frame.broken canvas{display:none}
.frame.broken::after{content:"The browser cannot show this image.";color:var(--soft)}
.frame canvas{position:absolute;inset:0;width:100%;height:100%}
.verdict-line{margin:0;font-size:1.65rem;line-height:1.2;font-weight:700;letter-spacing:-.015em;overflow-wrap:anywhere}
.verdict-line:focus{outline:none}
.verdict-line .percent{color:var(--accent);white-space:nowrap}
.verdict-line small{display:block;font-size:.95rem;letter-spacing:0;margin-bottom:.2rem}
.not-sure .verdict-line .percent{color:var(--other)}
.small{font-size:1rem;margin:1.4rem 0 .5rem;letter-spacing:0}
.top{list-style:none;margin:0;padding:0;display:grid;gap:.55rem}
.top li{display:grid;grid-template-columns:minmax(0,1fr) auto;gap:.15rem .8rem;align-items:baseline}
.top .name{overflow-wrap:anywhere}
.top .number{font-variant-numeric:tabular-nums;color:var(--soft)}
.top .track{grid-column:1/-1;height:7px;border-radius:4px;background:var(--rule);overflow:hidden}
.top .track i{display:block;height:100%;border-radius:4px;background:var(--right)}
.top li:first-child .track i{background:var(--accent)}
.not-sure .top li:first-child .track i{background:var(--other)}
.similar{display:grid;grid-template-columns:repeat(3,minmax(0,1fr));gap:.8rem .7rem}
.similar figure:not(.card){padding:0;background:none;border:0;border-radius:0}
.similar img{display:block;width:100%;aspect-ratio:1;object-fit:cover;border-radius:8px;background:var(--shade)}
.similar figcaption{font-size:.85rem;line-height:1.3;padding-top:.3rem;overflow-wrap:anywhere}
.idle{display:flex;align-items:center;justify-content:center;min-height:21rem;color:var(--soft)}
.answer:has(#idle:not([hidden])){align-self:stretch;display:grid}
.failure{margin:0;border:1px solid var(--wrong);border-radius:10px;padding:.8rem 1rem;overflow-wrap:anywhere}
#status{margin:0}
.names{columns:16rem;column-gap:2rem;padding-left:1.1rem;margin:.8rem 0 0}
.names li{break-inside:avoid;overflow-wrap:anywhere}
main section{padding:2rem 0 1rem}
@media (max-width:760px){
.workbench{grid-template-columns:minmax(0,1fr)}
.choose{min-height:13rem;padding:1.4rem 1rem}
.idle{display:none}
.answer:has(#idle:not([hidden])){display:none}
}
`;

export const tryStyle = pageStyle(own);

/** Two leaves. */
export const tryIcon = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64"><rect width="64" height="64" rx="14" fill="#00664f"/><path d="M32 50C18 46 13 34 15 17c14 2 20 14 17 33zM32 50c14-4 19-14 18-27-11 1-18 9-18 27z" fill="#d5e9e2"/><path d="M32 54V36" stroke="#d5e9e2" stroke-width="3" stroke-linecap="round"/></svg>`;
