// The charts of one object: a level against its target for each trigger, and the counts.
import { h, setAttribute } from './dom.js';
import { Chart, format } from './chart.js';
import { Series, spans } from './series.js';
import { now } from './time.js';

const windows = [['10 min', 600], ['1 h', 3600], ['6 h', 21600], ['24 h', 86400]];
const mostCharts = 6;
let chosen; // The time that the viewer has chosen, in seconds. It stays while other objects are shown.

// Charts shows the series of an object.
export class Charts {
  #series; #object; #counts; #levels = new Map(); #container; #restyle; #buttons;

  constructor() {
    this.#counts = new Chart('Replicas', [
      { label: 'max', colour: 'line-bound', width: 1, dash: [4, 4] }, { label: 'min', colour: 'line-bound', width: 1, dash: [4, 4] },
      { label: 'asked for', colour: 'line-demand', width: 1.25 }, { label: 'shadow', colour: 'line-shadow', width: 1.5, dash: [2, 3] },
      { label: 'decided', colour: 'line-desired', width: 1.5, dash: [6, 3] }, { label: 'replicas', colour: 'line-replicas', width: 2.25 },
      { label: 'lowest', colour: 'line-replicas', width: 1, hidden: true },
    ], { bands: [[1, 2]], height: 210, whole: true });
    this.#container = h('div', { class: 'charts' });
    this.element = h('section', { class: 'panel', 'aria-labelledby': 'charts-title' },
      h('div', { class: 'panel-head' }, h('h2', { id: 'charts-title' }, 'Over time'), this.#windows()), this.#counts.element, this.#container);
    this.#restyle = () => { for (const chart of this.#all()) chart.restyle(); };
    document.addEventListener('themechange', this.#restyle);
  }

  close() {
    document.removeEventListener('themechange', this.#restyle);
    for (const chart of this.#all()) chart.close();
  }

  // begin shows an object with its series; add shows an update.
  begin(object) {
    this.#series = object.series ? new Series(object.series) : undefined;
    this.#object = object;
    this.draw();
  }

  add(object) {
    this.#series?.add(object);
    this.#object = object;
    this.draw();
  }

  #all() { return [this.#counts, ...this.#levels.values()]; }

  #windows() {
    const buttons = windows.map(([label, length]) => h('button', {
      type: 'button', class: 'chip', 'aria-pressed': 'false',
      onclick: () => {
        chosen = length;
        this.draw();
      },
    }, label));
    this.#buttons = buttons;
    return h('div', { class: 'windows', role: 'group', 'aria-label': 'Time shown' }, buttons);
  }

  // draw draws all charts up to the present time.
  draw() {
    if (!this.#series) return;
    const to = now();
    const known = Math.min(this.#series.since, ...(this.#object.status?.history ?? []).map((past) => Date.parse(past.time)));
    const seconds = chosen ?? (windows.find(([, length]) => known > to - length * 1000) ?? windows[1])[1];
    this.#buttons.forEach((button, i) => setAttribute(button, 'aria-pressed', String(windows[i][1] === seconds)));
    // Unless the viewer has chosen more, the charts begin where something is known.
    const from = chosen ? to - chosen * 1000 : Math.max(to - seconds * 1000, Math.min(known - 5000, to - 30_000));
    const span = { from, to };
    this.#drawCounts(span);
    const sources = (this.#object.sources ?? []).filter((source) => this.#series.triggers.includes(source.name)).slice(0, mostCharts);
    for (const [name, chart] of this.#levels) {
      if (sources.some((source) => source.name === name)) continue;
      chart.close();
      chart.element.remove();
      this.#levels.delete(name);
    }
    for (const source of sources) this.#drawLevel(source, span);
  }

  #drawCounts({ from, to }) {
    const points = Series.between(this.#series.counts, from, to);
    const levels = Series.between(this.#series.levels, from, to);
    const times = [...new Set([...points, ...levels].map((point) => point.t))].sort((a, b) => a - b);
    const count = lookup(points);
    const demand = lookup(levels);
    const line = (find) => times.map((t) => find(t) ?? null);
    const data = [
      times.map((t) => t / 1000), line((t) => count(t)?.max), line((t) => count(t)?.min), line((t) => demand(t)?.demand), line((t) => count(t)?.shadow),
      line((t) => count(t)?.desired), line((t) => count(t)?.replicas), line((t) => count(t)?.lowest),
    ];
    const held = spans(points, (point) => (point.limitedBy === 'minReplicaCount' ? undefined : point.limitedBy));
    const blocked = spans(points, (point) => point.blocked);
    const history = this.#object.status?.history ?? [];
    const rules = [...new Set(held.map((span) => span.value))];
    this.#counts.draw(data, {
      from, to, label: this.#describe(points), remark: [
        rules.length ? `Orange: held back by ${rules.join(', ')}.` : '', blocked.length ? 'Red: the count could not be written.' : '', 'Dots: decisions.',
      ].filter(Boolean).join(' '),
      marks: (plot, colour) => {
        unknownBefore(plot, colour, this.#series.since);
        for (const span of held) strip(plot, colour('chart-held'), span, 0);
        for (const span of blocked) strip(plot, colour('chart-blocked'), span, 1);
        for (const past of history) dot(plot, colour('line-desired'), Date.parse(past.time), past.to);
      },
    });
  }

  #describe(points) {
    const counts = points.map((point) => point.replicas).filter((n) => n !== undefined);
    if (counts.length === 0) return 'Replicas over time: not known.';
    return `Replicas over time: between ${Math.min(...counts)} and ${Math.max(...counts)}, now ${counts.at(-1)}.`;
  }

  #drawLevel(source, { from, to }) {
    let chart = this.#levels.get(source.name);
    if (!chart) {
      const lines = [{ label: 'level', colour: 'line-level', width: 2 }];
      if (source.target !== undefined) lines.push({ label: source.perReplica ? 'target of all replicas' : 'target', colour: 'line-target', width: 1.25, dash: [6, 3] });
      chart = new Chart(`${source.name} (${source.type})`, lines, { height: 140 });
      this.#levels.set(source.name, chart);
      this.#container.append(chart.element);
    }
    const i = this.#series.triggers.indexOf(source.name);
    const levels = Series.between(this.#series.levels, from, to);
    const points = Series.between(this.#series.counts, from, to);
    const times = [...new Set([...levels, ...points].map((point) => point.t))].sort((a, b) => a - b);
    const level = lookup(levels);
    const count = lookup(points);
    const data = [times.map((t) => t / 1000), times.map((t) => level(t)?.values[i] ?? null)];
    if (source.target !== undefined) {
      data.push(times.map((t) => (source.perReplica ? (count(t)?.replicas === undefined ? null : count(t).replicas * source.target) : source.target)));
    }
    const gaps = spans(levels, (point) => point.values[i] === null || point.values[i] === undefined);
    chart.draw(data, {
      from, to, label: `Level of ${source.name} over time, now ${format(source.level)}${source.target === undefined ? '' : `, target ${format(source.target)}${source.perReplica ? ' per replica' : ''}`}.`,
      remark: gaps.length ? 'Red: the level was unknown.' : '',
      marks: (plot, colour) => {
        unknownBefore(plot, colour, this.#series.since);
        for (const span of gaps) strip(plot, colour('chart-blocked'), span, 0);
      },
    });
  }
}

// lookup returns a function that returns the point in effect at a time. Times are asked in order.
function lookup(points) {
  let i = -1;
  return (t) => {
    if (i >= 0 && points[i].t > t) i = -1;
    while (i + 1 < points.length && points[i + 1].t <= t) i++;
    return i < 0 ? undefined : points[i];
  };
}

// strip paints a thin strip at the bottom of a chart.
function strip(plot, fill, { from, to }, level) {
  const { ctx, bbox } = plot;
  const left = Math.max(plot.valToPos(from / 1000, 'x', true), bbox.left);
  const right = Math.min(plot.valToPos(to / 1000, 'x', true), bbox.left + bbox.width);
  if (right <= left) return;
  const height = 4 * devicePixelRatio;
  ctx.fillStyle = fill;
  ctx.fillRect(left, bbox.top + bbox.height - (level + 1) * height, Math.max(right - left, devicePixelRatio), height);
}

// unknownBefore shades the time before this leader began, of which only the decisions in the history are known.
function unknownBefore(plot, colour, since) {
  const { ctx, bbox } = plot;
  const right = Math.min(plot.valToPos(since / 1000, 'x', true), bbox.left + bbox.width);
  if (right <= bbox.left) return;
  ctx.fillStyle = colour('chart-unknown');
  ctx.fillRect(bbox.left, bbox.top, right - bbox.left, bbox.height);
  if (right - bbox.left < 150 * devicePixelRatio) return;
  ctx.fillStyle = colour('muted');
  ctx.font = `${11 * devicePixelRatio}px system-ui, sans-serif`;
  ctx.textAlign = 'right';
  ctx.textBaseline = 'top';
  ctx.fillText('not recorded by this leader', right - 6 * devicePixelRatio, bbox.top + 6 * devicePixelRatio);
}

// dot marks a decision.
function dot(plot, fill, t, n) {
  const { ctx, bbox } = plot;
  const x = plot.valToPos(t / 1000, 'x', true);
  const y = plot.valToPos(n, 'y', true);
  if (x < bbox.left || x > bbox.left + bbox.width || y < bbox.top - 4) return;
  ctx.fillStyle = fill;
  ctx.beginPath();
  ctx.arc(x, y, 3 * devicePixelRatio, 0, 2 * Math.PI);
  ctx.fill();
}
