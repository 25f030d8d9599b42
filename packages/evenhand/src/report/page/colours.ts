/**
 * The page's colours, light and dark. Blue and vermilion differ for every type of colour vision (Okabe and Ito 2008);
 * the colours for the number of images are from cividis (Nuñez, Anderton and Renslow 2018).
 */
const light = {
  paper: '#f7f7f4',
  card: '#ffffff',
  ink: '#17202a',
  soft: '#59636e',
  rule: '#e6e6e1',
  'rule-strong': '#c9c9c2',
  shade: 'rgba(23, 32, 42, 0.045)',
  accent: '#00664f',
  'accent-soft': '#d5e9e2',
  other: '#b3631a',
  link: '#00664f',
  right: '#3b7fb8',
  wrong: '#d0642a',
  'right-0': '#dce9f4',
  'right-1': '#b3d0e8',
  'right-2': '#7fb0d8',
  'right-3': '#3b7fb8',
  'right-4': '#14507f',
  'wrong-0': '#fbdcc8',
  'wrong-1': '#f5b68c',
  'wrong-2': '#e88c50',
  'wrong-3': '#d0642a',
  'wrong-4': '#933a0a',
  'support-0': '#e3b505',
  'support-1': '#b3a25a',
  'support-2': '#7f8a83',
  'support-3': '#466a93',
  'support-4': '#0b3164',
  'on-dark': '#ffffff',
};

const dark: typeof light = {
  paper: '#12161b',
  card: '#1a2027',
  ink: '#e9edf1',
  soft: '#a2acb7',
  rule: '#2a323b',
  'rule-strong': '#46515d',
  shade: 'rgba(233, 237, 241, 0.06)',
  accent: '#4fc3a1',
  'accent-soft': '#1d4338',
  other: '#eba65f',
  link: '#6fd3b5',
  right: '#5aa2dc',
  wrong: '#e9854c',
  'right-0': '#21415c',
  'right-1': '#27567e',
  'right-2': '#2f6fa3',
  'right-3': '#5aa2dc',
  'right-4': '#a9d3f5',
  'wrong-0': '#5c321a',
  'wrong-1': '#7c401c',
  'wrong-2': '#b45a24',
  'wrong-3': '#e9854c',
  'wrong-4': '#ffc39d',
  'support-0': '#f4d03f',
  'support-1': '#c3b36c',
  'support-2': '#93a09b',
  'support-3': '#6795cc',
  'support-4': '#3f6fd1',
  'on-dark': '#0d1116',
};

const declareColours = (colours: typeof light, scheme: string): string =>
  `color-scheme:${scheme};${Object.entries(colours)
    .map(([name, colour]) => `--${name}:${colour};`)
    .join('')}`;

const colourClasses = Object.keys(light)
  .filter((name) => /-\d$/.test(name))
  .map((name) => `.${name}{background:var(--${name});fill:var(--${name})}`)
  .join('');

/** Follows the reader's system unless the page's button was used. Prints are always light. */
export const colours = `:root{${declareColours(light, 'light')}}
@media (prefers-color-scheme:dark){:root:not([data-theme=light]){${declareColours(dark, 'dark')}}}
:root[data-theme=dark]{${declareColours(dark, 'dark')}}
@media print{:root,:root[data-theme=dark],:root:not([data-theme=light]){${declareColours(light, 'light')}}}
${colourClasses}
`;
