/// <reference lib="dom" preserve="true" />

/**
 * Lets the reader choose an image: a file, a photo, by dropping or by pasting.
 *
 * @param refuse gets a sentence on what was given in place of an image
 */
export function connectInputs(choose: (image: File) => void, refuse: (sentence: string) => void): void {
  const take = (files: Iterable<File>): void => {
    const all = [...files];
    const image = all.find(({ type }) => type.startsWith('image/')) ?? all[0];
    if (image === undefined) return;
    // Some systems do not know the types of newer formats.
    if (image.type === '' || image.type.startsWith('image/')) choose(image);
    else refuse(`${image.name || 'That'} is not an image.`);
  };
  for (const [button, input] of [
    ['file', 'file-input'],
    ['another', 'file-input'],
    ['camera', 'camera-input'],
  ] as const) {
    document.getElementById(button)!.addEventListener('click', () => document.getElementById(input)!.click());
  }
  for (const id of ['file-input', 'camera-input']) {
    const input = document.getElementById(id) as HTMLInputElement;
    input.addEventListener('change', () => {
      take(input.files ?? []);
      // The same file may be chosen again.
      input.value = '';
    });
  }

  const panel = document.getElementById('drop')!;
  // A file that is dropped beside the panel must not replace the page.
  addEventListener('dragover', (event) => event.preventDefault());
  addEventListener('drop', (event) => {
    event.preventDefault();
    panel.classList.remove('over');
    take(event.dataTransfer?.files ?? []);
  });
  addEventListener('dragenter', (event) => {
    if (event.dataTransfer?.types.includes('Files')) panel.classList.add('over');
  });
  addEventListener('dragleave', (event) => {
    if (event.relatedTarget === null) panel.classList.remove('over');
  });
  addEventListener('paste', (event) => {
    const { files } = event.clipboardData!;
    if (files.length > 0) take(files);
    else refuse('The clipboard has no image; copy an image first.');
  });
}
