import PDFDocument from 'pdfkit';

/** A4 in points, and its margins. */
const MARGIN = 56;
export const WIDTH = 595.28 - 2 * MARGIN;
const BOTTOM = 841.89 - MARGIN;

/** The maximum number of lines of a table cell. */
const MAX_LINES = 3;

const INK = '#1c1c1c';
const FAINT = '#6b6b6b';
const LINE = '#d0d0d0';
const ACCENT = '#1f6f54';

export interface Point {
  readonly x: number;
  readonly y: number;
}

/** A line of a chart. */
export interface Series {
  readonly name: string;
  readonly points: readonly Point[];
  /** Dashed instead of solid. */
  readonly dashed?: boolean;
}

/**
 * Writes pages of text, tables and simple charts from top to bottom. Only `page` begins a new page: titles and cells that
 * are too long are shortened, and what does not fit on a page is left out.
 */
export class Pages {
  readonly #pdf: PDFKit.PDFDocument;
  readonly #parts: Buffer[] = [];
  readonly #done: Promise<Buffer>;

  constructor(title: string, author: string, date: Date) {
    this.#pdf = new PDFDocument({
      size: 'A4',
      margin: MARGIN,
      autoFirstPage: false,
      info: { Title: title, Author: author, CreationDate: date, Producer: 'evenhand', Creator: 'evenhand' },
    });
    this.#done = new Promise((resolve, reject) => {
      this.#pdf.on('data', (part: Buffer) => this.#parts.push(part));
      this.#pdf.on('end', () => resolve(Buffer.concat(this.#parts)));
      this.#pdf.on('error', reject);
    });
  }

  /** Begins a new page with a footer. */
  page(footer: string): void {
    this.#pdf.addPage();
    const { x, y } = this.#pdf;
    // Otherwise text below the margin would begin a new page.
    this.#pdf.page.margins.bottom = 0;
    this.#font(8, FAINT).text(this.#cut(footer, WIDTH, 1), MARGIN, BOTTOM + 18, { width: WIDTH, lineBreak: false });
    this.#pdf.x = x;
    this.#pdf.y = y;
  }

  title(text: string, below: string): void {
    const font = this.#font(22, INK, 'Helvetica-Bold');
    font.text(this.#cut(text, WIDTH, 1));
    this.#font(10, FAINT).text(latin(below)).moveDown(0.8);
  }

  /** A heading, left out if nothing fits below it. */
  heading(text: string): void {
    if (!this.#fits(40)) return;
    this.#pdf.moveDown(0.5);
    this.#font(12, ACCENT, 'Helvetica-Bold').text(latin(text)).moveDown(0.25);
  }

  paragraph(text: string): void {
    const font = this.#font(9.5, INK);
    const options = { width: WIDTH, lineGap: 1.5 };
    if (this.#fits(font.heightOfString(latin(text), options))) font.text(latin(text), options).moveDown(0.4);
  }

  /**
   * A table.
   *
   * @param shares the relative widths of the columns
   * @param head whether the first row is a header
   */
  table(rows: readonly (readonly string[])[], shares: readonly number[], head = false): void {
    const total = shares.reduce((sum, share) => sum + share, 0);
    const size = 8.8;
    for (const [r, row] of rows.entries()) {
      const bold = head && r === 0;
      const top = this.#pdf.y;
      const cells = row.map((cell, c) => {
        const width = (WIDTH * (shares[c] ?? 1)) / total - 6;
        const colour = c % 2 === 0 && !head ? FAINT : INK;
        const draw = () => this.#font(size, colour, bold ? 'Helvetica-Bold' : 'Helvetica');
        draw();
        const text = this.#cut(cell, width, MAX_LINES);
        return { width, draw, text, height: this.#pdf.heightOfString(text, { width }) };
      });
      const height = Math.max(...cells.map((cell) => cell.height));
      if (!this.#fits(height)) break;
      let left = MARGIN;
      for (const { width, draw, text } of cells) {
        draw().text(text, left, top, { width });
        left += width + 6;
      }
      this.#pdf.x = MARGIN;
      this.#pdf.y = top + height + 2.5;
      if (!bold) continue;
      this.#pdf
        .moveTo(MARGIN, this.#pdf.y)
        .lineTo(MARGIN + WIDTH, this.#pdf.y)
        .lineWidth(0.5)
        .stroke(LINE);
      this.#pdf.y += 4;
    }
    this.#pdf.moveDown(0.4);
  }

  /** A line chart with y from 0 to 1, gaps at values that are not finite, and a vertical line at `mark`. */
  chart(series: readonly Series[], xName: string, height: number, mark?: Point): void {
    const pdf = this.#pdf;
    if (!this.#fits(height + 34)) return;
    const [left, top, width] = [MARGIN + 28, pdf.y + 4, WIDTH - 34];
    const xs = series.flatMap(({ points }) => points.map(({ x }) => x));
    const [least, most] = [Math.min(...xs), Math.max(...xs)];
    const positionOf = ({ x, y }: Point): [number, number] => [
      left + (most === least ? 0.5 : (x - least) / (most - least)) * width,
      top + (1 - y) * height,
    ];
    for (const y of [0, 0.25, 0.5, 0.75, 1]) {
      const [, level] = positionOf({ x: least, y });
      pdf
        .moveTo(left, level)
        .lineTo(left + width, level)
        .lineWidth(0.5)
        .stroke(LINE);
      this.#font(7.5, FAINT).text(y.toFixed(2), MARGIN, level - 4, { width: 24, align: 'right', lineBreak: false });
    }
    const step = Math.max(1, Math.ceil((most - least) / 12));
    for (let x = least; x <= most; x += step) {
      this.#font(7.5, FAINT).text(String(x), positionOf({ x, y: 0 })[0] - 12, top + height + 4, {
        width: 24,
        align: 'center',
        lineBreak: false,
      });
    }
    this.#font(7.5, FAINT).text(xName, left, top + height + 14, { width, align: 'right', lineBreak: false });
    if (mark !== undefined && Number.isFinite(mark.y)) {
      const [x, y] = positionOf(mark);
      pdf
        .moveTo(x, top)
        .lineTo(x, top + height)
        .lineWidth(0.7)
        .dash(2, { space: 2 })
        .stroke(ACCENT)
        .undash();
      pdf.circle(x, y, 3).fill(ACCENT);
    }
    let legend = left;
    for (const { name, points, dashed } of series) {
      const colour = dashed ? FAINT : ACCENT;
      pdf.lineWidth(1.4).strokeColor(colour);
      if (dashed) pdf.dash(3, { space: 2 });
      const finite = points.filter(({ y }) => Number.isFinite(y));
      for (const [i, point] of finite.entries())
        i === 0 ? pdf.moveTo(...positionOf(point)) : pdf.lineTo(...positionOf(point));
      pdf.stroke();
      pdf
        .moveTo(legend, top + height + 18)
        .lineTo(legend + 16, top + height + 18)
        .stroke()
        .undash();
      this.#font(7.5, INK).text(latin(name), legend + 20, top + height + 14, { lineBreak: false });
      legend += 32 + pdf.widthOfString(latin(name));
    }
    pdf.x = MARGIN;
    pdf.y = top + height + 30;
  }

  /** A bar chart of values from 0 to 1. */
  bars(values: readonly number[], height: number): void {
    const pdf = this.#pdf;
    if (!this.#fits(height + 14)) return;
    const [left, top, width] = [MARGIN + 28, pdf.y + 4, WIDTH - 34];
    for (const y of [0, 0.5, 1]) {
      const level = top + (1 - y) * height;
      pdf
        .moveTo(left, level)
        .lineTo(left + width, level)
        .lineWidth(0.5)
        .stroke(LINE);
      this.#font(7.5, FAINT).text(y.toFixed(1), MARGIN, level - 4, { width: 24, align: 'right', lineBreak: false });
    }
    const barWidth = width / values.length;
    for (const [i, value] of values.entries()) {
      pdf
        .rect(left + i * barWidth, top + (1 - value) * height, Math.max(0.3, barWidth * 0.8), value * height)
        .fill(ACCENT);
    }
    pdf.x = MARGIN;
    pdf.y = top + height + 10;
  }

  /** Ends the document and returns its bytes. */
  async end(): Promise<Buffer> {
    this.#pdf.end();
    return this.#done;
  }

  #font(size: number, colour: string, name = 'Helvetica'): PDFKit.PDFDocument {
    return this.#pdf.font(name).fontSize(size).fillColor(colour);
  }

  #fits(height: number): boolean {
    return this.#pdf.y + height <= BOTTOM + 14;
  }

  /** The text, shortened to a number of lines in the current font. */
  #cut(whole: string, width: number, lines: number): string {
    const text = latin(whole);
    const room = lines * this.#pdf.currentLineHeight(true) + 0.1;
    const fits = (part: string): boolean => this.#pdf.heightOfString(part, { width }) <= room;
    // No character is narrower than two points.
    let [short, long] = [0, Math.min(text.length, Math.ceil((lines * width) / 2))];
    if (long === text.length && fits(text)) return text;
    while (long - short > 1) {
      const middle = (short + long) >> 1;
      if (fits(`${text.slice(0, middle)}...`)) short = middle;
      else long = middle;
    }
    return `${text.slice(0, short)}...`;
  }
}

/** The built-in fonts of PDF have Western European characters only. */
function latin(text: string): string {
  return text.replace(/\s+/g, ' ').replace(/[^\u0020-\u007e\u00a0-\u00ff]/g, '?');
}
