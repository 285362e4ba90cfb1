// Classes of coverage rates: fixed, so that two maps can be compared. The colours
// grow darker with the rate, are told apart by all common kinds of colour vision, and
// stay in order when printed in grey.

/** Lower limits of the classes, inclusive; a rate of 1 belongs to the last. */
export const BREAKS = [0, 0.2, 0.4, 0.6, 0.8, 0.95];

export const COLOURS = ["#fdf0b5", "#cbe5b0", "#86cbb4", "#47a6b5", "#2b75a3", "#27407c"];

/** Fill of an area whose rate is not known: a striped pattern, see `addStripes`. */
export const NO_DATA = "url(#no-data)";

/** Return the class of a rate, or -1 where it is not known. */
export function classOf(rate) {
  if (rate == null || Number.isNaN(rate)) return -1;
  return BREAKS.findLastIndex((limit) => rate >= limit);
}

/** Return the fill of a rate. */
export function fillOf(rate) {
  const index = classOf(rate);
  return index < 0 ? NO_DATA : COLOURS[index];
}

/** Return the words of a class for the legend. */
export function classWords(index) {
  const lower = Math.round(BREAKS[index] * 100);
  if (index === BREAKS.length - 1) return `≥ ${lower}%`;
  const upper = Math.round(BREAKS[index + 1] * 100);
  return index === 0 ? `< ${upper}%` : `${lower}–${upper}%`;
}
