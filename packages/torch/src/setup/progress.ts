/** Elapsed time in words: `48 s`, `3 min 12 s`. */
export function formatElapsed(milliseconds: number): string {
  const seconds = Math.round(milliseconds / 1000);
  return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

export interface ProgressDisplay {
  update(): void;
  /** Ends the display. Returns the elapsed time in words. */
  end(): string;
}

/**
 * Shows how far a long step is. On a terminal it rewrites one line, at least every second. In a log it writes a line at
 * most every `logInterval` milliseconds, so that a log shows progress without being flooded.
 *
 * `describe` returns the state in words, such as `compiling C++ files: 3 of 8 done`; the elapsed time is added.
 */
export function startProgress(
  describe: () => string,
  {
    stream = process.stdout,
    now = Date.now,
    logInterval = 30_000,
  }: {
    stream?: { readonly isTTY?: boolean; write(text: string): unknown };
    now?: () => number;
    logInterval?: number;
  } = {},
): ProgressDisplay {
  const started = now();
  let written = started;
  const draw = (): void => {
    const line = `setup: ${describe()}, ${formatElapsed(now() - started)}`;
    if (stream.isTTY) stream.write(`\r\x1b[2K${line}`);
    else if (now() - written >= logInterval) stream.write(`${line}\n`);
    else return;
    written = now();
  };
  const timer = setInterval(draw, stream.isTTY ? 1000 : logInterval);
  timer.unref();
  if (stream.isTTY) draw();
  return {
    update: draw,
    end() {
      clearInterval(timer);
      if (stream.isTTY) stream.write('\r\x1b[2K');
      return formatElapsed(now() - started);
    },
  };
}
