// The layers of the coverage map under one roof: what is drawn, and what is switched.

import { Areas, Labels, Outlines, Veil } from "./areas.js";
import { Facilities } from "./facilities.js";
import { GapAreas } from "./gap_areas.js";
import { Gaps } from "./gaps.js";
import { Circles, Roads } from "./lines.js";

/** All layers of the coverage map. */
export class Layers {
  constructor(map, study, { onPick }) {
    this.areas = new Areas(map, { onPick });
    this.veil = new Veil(map);
    this.labels = new Labels(map);
    this.townships = new Outlines(map, { color: "#4b5957", weight: 1.1, opacity: 0.75 });
    this.communities = new Outlines(map, {
      color: "#3f4b49",
      weight: 0.9,
      opacity: 0.75,
      dashArray: "5 3",
    });
    this.facilities = new Facilities(map, { study });
    const facilityName = (id) => this.facilities.nameOf(id);
    this.gaps = new Gaps(map, { facilityName });
    this.gapareas = new GapAreas(map);
    this.circles = new Circles(map);
    this.roads = new Roads(map);
  }

  /** Show those that are named, hide the others. */
  toggle(names) {
    const switched = [
      "areas", "townships", "communities", "circles", "facilities", "gaps", "gapareas", "roads",
      "labels",
    ];
    for (const name of switched) this[name].toggle(names.includes(name));
  }
}
