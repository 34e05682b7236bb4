// Times: shown in the viewer's zone, with UTC on hover, and measured by the clock of the leader.
import { h, setText } from './dom.js';

let skew = 0; // The leader's clock minus this one, in milliseconds.

// now is the time of the leader, in milliseconds since 1970.
export const now = () => Date.now() + skew;

// setServerTime sets the time of the leader.
export function setServerTime(at) {
  const difference = Date.parse(at) - Date.now();
  // Events arrive late and never early, so a small difference is the way of the event.
  skew = Math.abs(difference) < 2000 ? 0 : difference;
}

const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' });
const short = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
const day = new Intl.DateTimeFormat(undefined, { year: 'numeric', month: '2-digit', day: '2-digit' });

// clockTime formats a time of day, with the date if it is not today.
export function clockTime(ms) {
  const at = new Date(ms);
  return at.toDateString() === new Date(now()).toDateString() ? clock.format(at) : `${day.format(at)} ${clock.format(at)}`;
}

// axisTime formats a time for the axis of a chart.
export const axisTime = (ms, seconds) => (seconds ? clock : short).format(new Date(ms));

// localTimes shows the times of day in UTC of a sentence, such as 01:34:06.2Z, in the viewer's zone.
export function localTimes(text) {
  return text.replace(/\b(\d{4}-\d\d-\d\d[T ])?(\d\d):(\d\d):(\d\d)(?:\.\d+)?Z/g, (_, date, ...parts) => {
    if (date) return clockTime(Date.parse(`${date.slice(0, 10)}T${parts.slice(0, 3).join(':')}Z`));
    // A time without its date is the one nearest to now.
    const at = new Date(now()).setUTCHours(...parts.slice(0, 3).map(Number), 0);
    return clock.format(new Date(at));
  });
}

// duration formats a duration with its two largest units: 1h 5m.
export function duration(ms) {
  const all = Math.max(0, Math.round(ms / 1000));
  const parts = [[Math.floor(all / 86400), 'd'], [Math.floor(all / 3600) % 24, 'h'], [Math.floor(all / 60) % 60, 'm'], [all % 60, 's']];
  const first = parts.findIndex(([n]) => n > 0);
  if (first < 0) return '0s';
  return parts.slice(first, first + 2).filter(([n], i) => i === 0 || n > 0).map(([n, unit]) => n + unit).join(' ');
}

// relative describes how long ago a time was, or how long it will be until then.
function relative(ms) {
  const passed = now() - ms;
  if (passed < -500) return `in ${duration(-passed)}`;
  return passed < 1500 ? 'now' : `${duration(passed)} ago`;
}

const forms = {
  age: relative,
  clock: clockTime,
  both: (ms) => `${clockTime(ms)} (${relative(ms)})`,
};

// time returns an element for a time, as RFC 3339; form is age, clock or both. tick keeps it up to date.
export function time(at, form = 'clock') {
  const ms = Date.parse(at);
  return h('time', { datetime: at, 'data-form': form, title: `${new Date(ms).toISOString().replace('T', ' ').slice(0, 19)} UTC` }, forms[form](ms));
}

// tick updates all times below an element.
export function tick(root) {
  for (const element of root.querySelectorAll('time[data-form]')) {
    setText(element, forms[element.dataset.form](Date.parse(element.getAttribute('datetime'))));
  }
}
