import { colours } from './colours.js';

const layout = `
*{box-sizing:border-box}
html{scroll-behavior:smooth;scroll-padding-top:4rem;-webkit-text-size-adjust:100%}
@media (prefers-reduced-motion:reduce){html{scroll-behavior:auto}}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.55 ui-sans-serif,system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans","Liberation Sans",Arial,sans-serif;font-variant-numeric:tabular-nums}
main,header .inside,nav ul,footer{max-width:1080px;margin:0 auto;padding:0 2.5rem}
header{padding:2.5rem 0 1.5rem}
header .inside{display:flex;gap:1.5rem;align-items:flex-start;justify-content:space-between}
header p{margin:0}
.eyebrow{color:var(--accent);font-weight:650;letter-spacing:.02em}
h1{font-size:clamp(1.7rem,4vw,2.5rem);line-height:1.15;letter-spacing:-.02em;margin:.2rem 0 .5rem;overflow-wrap:anywhere}
.about{color:var(--soft)}
h2{font-size:1.5rem;line-height:1.2;letter-spacing:-.012em;margin:0 0 .4rem}
h3{font-size:1.02rem;margin:1.8rem 0 .5rem}
h4{font-size:.95rem;margin:0 0 .35rem;overflow-wrap:anywhere}
small{font-size:.82rem;color:var(--soft);font-weight:400}
code,pre{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,"Liberation Mono",monospace;font-size:.86em;overflow-wrap:break-word}
nav{position:sticky;top:0;z-index:5;background:color-mix(in srgb,var(--paper) 92%,transparent);backdrop-filter:blur(8px);border-block:1px solid var(--rule)}
nav ul{display:flex;gap:.2rem 1.4rem;list-style:none;overflow-x:auto;padding-block:0;scrollbar-width:none}
nav a{display:block;padding:.7rem 0;color:var(--soft);text-decoration:none;white-space:nowrap;font-size:.93rem;border-bottom:2px solid transparent}
nav a:hover,nav a[aria-current]{color:var(--ink);border-color:var(--accent)}
section{padding:2.6rem 0 2.2rem;border-bottom:1px solid var(--rule)}
section:last-of-type{border:0}
.lead{max-width:46rem;color:var(--soft);margin:0 0 1.3rem}
.lead b{color:var(--ink)}
.empty{color:var(--soft);background:var(--card);border:1px dashed var(--rule-strong);border-radius:10px;padding:1.1rem 1.3rem}
.faint{color:var(--soft)}
a{color:var(--link)}
footer{color:var(--soft);font-size:.88rem;padding-block:1.5rem 3rem}
:focus-visible{outline:3px solid var(--accent);outline-offset:2px;border-radius:4px}
button,select,input{font:inherit;color:inherit}
button{cursor:pointer}
.plainbutton,.tools select,.tools input[type=search],.buttons button{background:var(--card);border:1px solid var(--rule-strong);border-radius:8px;padding:.42rem .8rem}
.plainbutton{white-space:nowrap;font-size:.92rem}
.plainbutton:hover,.buttons button:hover{border-color:var(--ink)}
.skip{position:absolute;left:-999px}.skip:focus{left:1rem;top:1rem;z-index:9;background:var(--card);padding:.5rem 1rem}
html:not(.scripted) .script{display:none}
`;

const scores = `
.hero{display:grid;grid-template-columns:minmax(0,5fr) minmax(0,6fr);gap:1.4rem}
.headline,.tiles>div,.pair,figure:not(.card){background:var(--card);border:1px solid var(--rule);border-radius:12px}
.headline{padding:1.5rem 1.7rem}
.headline p{margin:0}.headline .label{font-weight:600}
.big{font-size:clamp(3.4rem,9vw,5.2rem);font-weight:700;letter-spacing:-.045em;line-height:1.12;color:var(--accent)}
.interval{color:var(--soft)}
.scale{position:relative;height:14px;border-radius:7px;background:var(--rule);margin:1.3rem 0 .5rem}
.scale .band{position:absolute;top:0;bottom:0;background:var(--accent);opacity:.32;border-radius:7px}
.scale .tick{position:absolute;top:-5px;bottom:-5px;width:4px;margin-left:-2px;border-radius:2px;background:var(--accent)}
.scale .tick.acc{background:var(--other)}
.ends{display:flex;justify-content:space-between;color:var(--soft);font-size:.85rem}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:.8rem;margin:0}
.tiles>div{padding:.9rem 1.1rem}
.tiles dt{color:var(--soft);font-size:.88rem}
.tiles dd{margin:0;font-size:1.65rem;font-weight:650;letter-spacing:-.02em;line-height:1.25}
.tiles small{display:block;letter-spacing:0;line-height:1.35;margin-top:.15rem}
.next{background:var(--card);border:1px solid var(--rule);border-radius:12px;padding:1rem 1.3rem;margin-top:1.5rem}.next h3{margin-top:0}.next .commands>div:last-child{border:0}
.findings{margin:0;padding-left:1.2rem;max-width:52rem}.findings li{margin:.3rem 0}
.key{color:var(--soft);font-size:.88rem;display:flex;flex-wrap:wrap;gap:.3rem .9rem;align-items:center}
.ends .key{gap:.3rem}
.key i.f1,.key i.acc{display:inline-block;width:18px;height:4px;border-radius:2px;background:var(--accent);vertical-align:middle;margin-right:.35rem}
.key i.acc{background:var(--other)}
.key i.dashed{background:repeating-linear-gradient(90deg,var(--other) 0 6px,transparent 6px 9px)}
.key .swatch{display:inline-block;width:14px;height:14px;border-radius:3px;vertical-align:-2px;margin-right:.3rem}
.key .swatch+.swatch{margin-left:-.3rem;border-radius:0}
figure{margin:0}figure:not(.card){padding:1rem 1.1rem}
figcaption.key{padding:.5rem .2rem 0}
.two{display:grid;grid-template-columns:repeat(2,minmax(0,1fr));gap:1.2rem}
.scroll+.two{margin-top:1.2rem}
.chart svg{display:block;width:100%;height:auto;overflow:visible}
.chart svg text{font-variant-numeric:tabular-nums}
.narrow{display:none}
[ecmeta_data_index]:hover{filter:brightness(1.12)}
details{margin-top:1rem}
summary{cursor:pointer;color:var(--link);font-size:.95rem}
`;

const tables = `
.scroll{overflow:auto;margin-top:.6rem}
.tall{max-height:34rem;border:1px solid var(--rule);border-radius:12px;background:var(--card)}
table{border-collapse:collapse;width:100%;font-size:.92rem}
th,td{text-align:left;padding:.42rem .8rem;border-bottom:1px solid var(--rule);font-weight:400;vertical-align:top}
thead th{color:var(--soft);font-size:.85rem;white-space:nowrap}
.plain td,.plain th{white-space:nowrap}
.plain .chosen{background:var(--accent-soft)}.plain .chosen th{font-weight:650}
.settings td{white-space:normal}.settings .doc{color:var(--soft)}
.classes thead th{position:sticky;top:0;background:var(--card);box-shadow:0 1px 0 var(--rule-strong);padding:0;z-index:1}
.classes thead button{all:unset;cursor:pointer;display:block;box-sizing:border-box;width:100%;padding:.6rem .8rem}
.classes thead button:focus-visible{outline:3px solid var(--accent);outline-offset:-3px}
.classes thead button::after{content:"↕";opacity:.35;margin-left:.35rem}
.classes [aria-sort] button{color:var(--ink);font-weight:600}
.classes [aria-sort=ascending] button::after{content:"↑";opacity:1}
.classes [aria-sort=descending] button::after{content:"↓";opacity:1}
.number{text-align:right}
.classes thead .number button{text-align:right}
.bar{position:relative;min-width:170px}
.bar i{position:absolute;left:.8rem;top:.62rem;height:.8rem;border-radius:3px;width:calc((100% - 5.2rem)*var(--f1))}
.link{all:unset;cursor:pointer;color:var(--link);overflow-wrap:break-word}
.link:hover{text-decoration:underline}.link:focus-visible{outline:3px solid var(--accent);border-radius:3px}
.classes tbody tr:hover{background:var(--shade)}
.tools{display:flex;flex-wrap:wrap;gap:.7rem 1.3rem;align-items:center;margin:1.2rem 0 .7rem}
.tools p{margin:0;color:var(--soft)}
.buttons{display:inline-flex}.buttons button{border-radius:0;margin-left:-1px}
.buttons button:first-child{border-radius:8px 0 0 8px}.buttons button:last-child{border-radius:0 8px 8px 0}
.buttons button[aria-pressed=true]{background:var(--ink);color:var(--paper)}
.facts>div,.commands>div{display:grid;grid-template-columns:10rem minmax(0,1fr);gap:1rem;padding:.4rem 0;border-bottom:1px solid var(--rule)}
.commands>div{grid-template-columns:minmax(0,17rem) minmax(0,1fr)}
.facts,.commands{margin:0}.facts dt,.commands dt{color:var(--soft)}.facts dd,.commands dd{margin:0;overflow-wrap:anywhere}
`;

/** Shown if a thumbnail is missing: a frame with a hill and a sun. */
const placeholder =
  "url(\"data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 48 48' fill='none' stroke='%23888' stroke-opacity='.6'%3E%3Crect x='12' y='15' width='24' height='18' rx='2'/%3E%3Cpath d='M12 30l7-7 6 6 4-4 7 7'/%3E%3Ccircle cx='29.5' cy='20.5' r='2'/%3E%3C/svg%3E\")";

const images = `
.thumb{display:block;aspect-ratio:1;background:var(--shade) ${placeholder} center/cover no-repeat;border-radius:8px;print-color-adjust:exact;-webkit-print-color-adjust:exact}
.gallery{display:grid;grid-template-columns:repeat(auto-fill,minmax(128px,1fr));gap:1.1rem .9rem}
.card{min-width:0;break-inside:avoid}
.card figcaption{font-size:.85rem;line-height:1.35;padding-top:.4rem}
.outcome{display:block;overflow-wrap:anywhere}
.outcome.right b{color:var(--right)}.outcome.wrong b{color:var(--wrong)}
.card .file{display:block;color:var(--soft);font-size:.75rem;white-space:nowrap;overflow:hidden;text-overflow:ellipsis}
`;

const smallScreensAndPrint = `
@media (max-width:760px){
main,header .inside,nav ul,footer{padding-inline:1.1rem}
header{padding:1.6rem 0 1.1rem}
.hero,.two{grid-template-columns:minmax(0,1fr)}
.tiles{grid-template-columns:1fr 1fr}
.wide{display:none}.narrow{display:block}
section{padding:1.9rem 0 1.6rem}
figure:not(.card){padding:.7rem}
.facts>div,.commands>div{grid-template-columns:minmax(0,1fr);gap:0}
.gallery{grid-template-columns:repeat(auto-fill,minmax(100px,1fr))}
.classes th,.classes td,.classes thead button{padding-inline:.45rem}.classes thead th{white-space:normal}.bar{min-width:92px}.bar i{left:.45rem;width:calc((100% - 3.9rem)*var(--f1))}.detail{display:none}
.settings tr{display:grid;grid-template-columns:1fr 1fr;border-bottom:1px solid var(--rule);padding:.3rem 0}.settings th,.settings td{border:0;padding:.1rem .2rem}.plain.settings th{white-space:normal}.settings .doc{grid-column:1/-1}
}
@media print{
body{background:#fff;font-size:10.5pt}
nav,.skip,.plainbutton,.tools,.script,dialog,#tip,.strip .more{display:none!important}
main,header .inside,footer{max-width:none;padding-inline:0}
section{padding:1rem 0;border:0}
h2,h3,h4,.lead{break-after:avoid}.lead{break-inside:avoid}
.pairs{grid-template-columns:1fr 1fr}.pair{padding:.6rem .8rem}
figure,.tiles>div,.headline,.pair,.card,tr{break-inside:avoid}
.tall,.matrix{max-height:none;overflow:visible;border:0}
.matrix-grid{zoom:.68}
.classes thead th{position:static}.scroll{overflow:visible}
.gallery{grid-template-columns:repeat(7,1fr);gap:.7rem .5rem}
.card figcaption{font-size:8pt}.card .file{font-size:6.5pt}
.plain td,.plain:not(.settings) th{white-space:normal}table{font-size:8.5pt}th,td{padding:.1rem .5rem}
.bar i{top:.28rem;height:.6rem}details:not([open]){display:none}
*{print-color-adjust:exact;-webkit-print-color-adjust:exact}
@page{margin:14mm}
}
`;

/** The style shared by all pages, with a page's own rules before those for phones and print. */
export const pageStyle = (own: string): string =>
  [colours, layout, scores, tables, images, own, smallScreensAndPrint].join('');
