// The states of an object, as words. The colours are in base.css, by the class of the same name.
import { h } from './dom.js';

// order has the states, the one that matters most first.
export const order = ['failing', 'warning', 'paused', 'dryrun', 'scaling', 'limited', 'idle', 'steady', 'waiting'];

// meaning explains the states.
export const meaning = {
  failing: 'A trigger is unknown, the target cannot be scaled, or the object is invalid.',
  warning: 'Another client changes the count, too, an alert was not repeated, or a source has a notice.',
  paused: 'An annotation pauses the object.',
  dryrun: 'Counts are decided and reported, but not written.',
  scaling: 'The count is not the decided one yet.',
  limited: 'A rule other than the minimum keeps the count from what the triggers ask for.',
  idle: 'No trigger is active.',
  steady: 'The count is what the triggers ask for, or the minimum.',
  waiting: 'There is no decision yet.',
};

// needsAttention is true for the states that somebody should look at.
export const needsAttention = (state) => state === 'failing' || state === 'warning';

// word returns a state with a capital letter.
export const word = (state) => (state === 'dryrun' ? 'Dry run' : state.charAt(0).toUpperCase() + state.slice(1));

// badge returns an element for a state.
export const badge = (state) => h('span', { class: `state ${state}`, title: meaning[state] }, word(state));
