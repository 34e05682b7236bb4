// What happened to an object, for the charts. Each point lasts until the next one, and unknown is null.

const longest = 24 * 3600 * 1000;
const mostPoints = 4000; // The server sends 160 at first; one for each update is added while the page is open.

export class Series {
  constructor(data) {
    this.since = Date.parse(data.since);
    this.triggers = data.levels.triggers;
    this.levels = data.levels.times.map((t, i) => ({
      t, demand: data.levels.demand[i], values: data.levels.values.map((all) => all[i]), unknown: data.levels.unknown.some((all) => all.includes(i)),
    }));
    this.counts = data.counts;
  }

  // add adds the present state of an object.
  add(object) {
    const t = Date.parse(object.at);
    const sources = object.sources ?? [];
    const values = this.triggers.map((name) => {
      const trigger = object.status?.triggers?.find((one) => one.name === name);
      const source = sources.find((one) => one.name === name);
      return source?.level ?? (source || !trigger?.value ? null : Number(trigger.value));
    });
    this.levels.push({ t, demand: object.explanation?.raw ?? null, values, unknown: values.includes(null) });
    if (object.point) this.counts.push(object.point);
    for (const all of [this.levels, this.counts]) {
      while (all.length > mostPoints || (all.length > 1 && all[1].t < t - longest)) all.shift();
    }
  }

  // between returns the points of a list that are in effect from one time to another, the first and the last one cut to these.
  static between(all, from, to) {
    let first = 0;
    while (first + 1 < all.length && all[first + 1].t <= from) first++;
    const some = all.slice(first).filter((point) => point.t <= to);
    if (some.length === 0) return [];
    const last = some.at(-1);
    return [{ ...some[0], t: Math.max(some[0].t, from) }, ...some.slice(1), { ...last, t: to }];
  }
}

// spans returns the times during which a property of points is set, merged: [{from, to, value}].
export function spans(points, value) {
  const all = [];
  for (let i = 0; i + 1 < points.length; i++) {
    const is = value(points[i]);
    if (!is) continue;
    const before = all.at(-1);
    if (before && before.to === points[i].t && before.value === is) before.to = points[i + 1].t;
    else all.push({ from: points[i].t, to: points[i + 1].t, value: is });
  }
  return all;
}
