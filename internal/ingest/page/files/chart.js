// One chart over time, drawn by uPlot, with a key that shows the values under the pointer.
import uPlot from './uplot/uPlot.esm.js';
import { h, setText } from './dom.js';
import { axisTime, clockTime } from './time.js';

const stepped = uPlot.paths.stepped({ align: 1 });
const number = new Intl.NumberFormat(undefined, { maximumFractionDigits: 3 });
const compact = new Intl.NumberFormat(undefined, { notation: 'compact', maximumFractionDigits: 1 });

// format formats a value of a chart; an unknown one is a question mark.
export const format = (value) => (value === null || value === undefined ? '?' : number.format(value));

// colour reads a colour of the style sheet, as the present theme has it.
function colour(name) {
  document.documentElement.style.setProperty('--probe', `var(--${name})`);
  return getComputedStyle(document.documentElement).outlineColor;
}

// Chart draws lines: [{label, colour, width, dash, fill, hidden}], of which hidden ones have no entry in the key. bands are [upper, lower] pairs of lines.
export class Chart {
  #options; #plot; #key; #data; #note; #observer; #marks = () => {};

  constructor(title, lines, { bands = [], height = 180, whole = false } = {}) {
    this.#options = { lines, bands, height, whole };
    this.#key = h('p', { class: 'key', 'aria-hidden': 'true' });
    this.#note = h('span', { class: 'at' });
    this.remark = h('p', { class: 'held' });
    this.plot = h('div', { class: 'plot', role: 'img', 'aria-label': title });
    this.element = h('figure', { class: 'chart' }, h('figcaption', {}, h('h3', {}, title), this.#note), this.plot, this.#key, this.remark);
    this.entries = lines.map((line) => (line.hidden ? null : h('span', { class: 'entry' }, h('i', { class: `swatch ${line.colour}` }), `${line.label} `, h('b', {}, '?'))));
    this.#key.append(...this.entries.filter(Boolean));
    this.#observer = new ResizeObserver(() => this.#resize());
    this.#observer.observe(this.plot);
  }

  close() {
    this.#observer.disconnect();
    this.#plot?.destroy();
  }

  // restyle draws the chart anew with the colours of the present theme.
  restyle() {
    this.#plot?.destroy();
    this.#plot = undefined;
    if (this.#data) this.#draw();
  }

  // draw shows data: times in seconds, and a list of values for each line. marks(plot, colour) draws below the lines, and remark explains that.
  draw(data, { from, to, marks = () => {}, label, remark = '' }) {
    this.#data = { data, from, to };
    setText(this.remark, remark);
    this.#marks = marks;
    this.plot.setAttribute('aria-label', label);
    this.#draw();
  }

  #draw() {
    const { data, from, to } = this.#data;
    if (this.plot.clientWidth === 0) return;
    if (!this.#plot) this.#plot = new uPlot(this.#configuration(), [[]], this.plot);
    this.#plot.batch(() => {
      this.#plot.setData(data, false);
      this.#plot.setScale('x', { min: from / 1000, max: to / 1000 });
    });
    this.#readOut();
  }

  #resize() {
    if (!this.#data) return;
    if (!this.#plot) this.#draw();
    else if (this.#plot.width !== this.plot.clientWidth) this.#plot.setSize({ width: this.plot.clientWidth, height: this.#options.height });
  }

  // readOut shows the values under the pointer, or the newest ones, in the key.
  #readOut() {
    const plot = this.#plot;
    const times = plot.data[0];
    let i = times.length - 1;
    const pointed = plot.cursor.left >= 0;
    if (pointed) {
      const at = plot.posToVal(plot.cursor.left, 'x');
      i = times.findLastIndex((t) => t <= at);
      setText(this.#note, clockTime(at * 1000));
    } else {
      setText(this.#note, '');
    }
    this.entries.forEach((entry, line) => {
      if (!entry) return;
      const values = plot.data[line + 1] ?? [];
      entry.hidden = values.every((value) => value === null); // There is no shadow policy, for one.
      setText(entry.lastChild, i < 0 ? '?' : format(values[i]));
    });
  }

  #configuration() {
    const { lines, bands, height, whole } = this.#options;
    const grid = { stroke: colour('chart-grid'), width: 1 };
    const axis = { stroke: colour('muted'), grid, ticks: { show: false }, font: '11px system-ui, sans-serif' };
    const series = lines.map((line) => ({
      label: line.label, stroke: colour(line.colour), width: line.width ?? 1.5, dash: line.dash, paths: stepped, points: { show: false }, spanGaps: false,
    }));
    return {
      width: this.plot.clientWidth, height, legend: { show: false }, padding: [8, 24, 0, 0],
      cursor: { sync: { key: 'object' }, drag: { x: false, y: false }, points: { show: false } },
      scales: { x: { time: true, auto: false }, y: { range: (_, min, max) => range(min, max, whole) } },
      axes: [
        { ...axis, values: (plot, splits) => splits.map((t) => axisTime(t * 1000, plot.scales.x.max - plot.scales.x.min < 300)), space: 70, size: 28 },
        { ...axis, values: (_, splits) => splits.map((n) => (whole && n % 1 !== 0 ? '' : compact.format(n))), size: 48, space: 28, incrs: whole ? [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 100000] : undefined },
      ],
      series: [{}, ...series],
      bands: bands.map((pair) => ({ series: pair, fill: colour('chart-band') })),
      hooks: { drawAxes: [(plot) => this.#marks(plot, colour)], setCursor: [() => this.#readOut()] },
    };
  }
}

// range begins at 0, so that heights can be compared.
function range(min, max, whole) {
  const top = Math.max(max ?? 0, whole ? 1 : 0);
  return [Math.min(0, min ?? 0), top > 0 ? top * 1.08 : 1];
}
