/// <reference lib="dom" preserve="true" />
import type { Payload, Point } from '../payload.js';

/** A tooltip beside the pointer. */
export class Tip {
  constructor(private readonly element: HTMLElement) {}

  show(text: string, x: number, y: number): void {
    this.element.textContent = text;
    this.element.hidden = false;
    const { width, height } = this.element.getBoundingClientRect();
    const left = Math.min(Math.max(8, x + 14), innerWidth - width - 8);
    const above = y - height - 12;
    this.element.style.left = `${left}px`;
    this.element.style.top = `${above < 8 ? y + 18 : above}px`;
  }

  hide(): void {
    this.element.hidden = true;
  }
}

/** Shows a tooltip for each point of the charts; a click opens the point's class, if it has one. */
export function enableChartTips(payload: Payload, tip: Tip, openClass: (label: number) => void): void {
  const pointAt = (target: EventTarget | null): Point | undefined => {
    const shape = (target as Element).closest('[ecmeta_data_index]');
    const chart = shape?.closest<HTMLElement>('[data-chart]');
    if (!shape || !chart) return undefined;
    const [series, index] = ['ecmeta_series_index', 'ecmeta_data_index'].map((name) =>
      Number(shape.getAttribute(name)),
    );
    return payload.points[chart.dataset.chart!]?.[series!]?.[index!];
  };
  for (const chart of document.querySelectorAll<HTMLElement>('[data-chart]')) {
    chart.addEventListener('pointermove', ({ target, clientX, clientY }) => {
      const point = pointAt(target);
      if (point === undefined) return tip.hide();
      tip.show(point[0], clientX, clientY);
      (target as HTMLElement).style.cursor = point[1] === undefined ? 'default' : 'pointer';
    });
    chart.addEventListener('pointerleave', () => tip.hide());
    chart.addEventListener('click', ({ target }) => {
      const label = pointAt(target)?.[1];
      if (label !== undefined) openClass(label);
    });
  }
}
