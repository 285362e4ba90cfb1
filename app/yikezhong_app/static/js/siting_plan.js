// A finished siting of the API as the page shows it.

/** Return a job's plan: figures before and after, proof, sites, townships, who is left. */
export function arrangePlan({ id, request, result }) {
  const { objective, bound, gap, proven, without } = result;
  return {
    id,
    request: { ...request, service: result.service, minutes: result.minutes },
    group: result.group,
    groupName: result.group_name,
    version: result.version,
    asOf: result.as_of,
    proof: { objective, unit: result.objective_unit, bound, gap, proven },
    category: result.target?.categories?.[0] ?? null,
    functions: result.target?.functions ?? [],
    services: (result.services ?? []).slice(1),
    fairness: result.fairness ?? null,
    planned: result.counts_planned ?? false,
    before: result.baseline,
    after: result.after,
    time: { before: result.time?.mean_before_min, after: result.time?.mean_after_min },
    cost: request.site_cost == null ? null : result.cost,
    sites: result.sites.map(arrangeSite),
    townships: result.townships,
    left: { people: without.people, reasons: reasonsOf(without.rows) },
  };
}

/** Return an evaluation of moved sites in the same shape. */
export function arrangeTrial({ after, townships, sites }) {
  return {
    after,
    townships,
    offRoad: sites.flatMap(({ on_road: onRoad }, i) => (onRoad ? [] : [i])),
  };
}

function arrangeSite(site) {
  return {
    rank: site.rank,
    year: site.year,
    id: site.id,
    facility: site.facility_id ?? null,
    source: site.source ?? null,
    name: site.name,
    lon: site.lon,
    lat: site.lat,
    township: site.township_name,
    gain: site.gain,
    covered: site.cumulative_covered,
    rate: site.cumulative_rate,
  };
}

// the rows are by township and reason
function reasonsOf(rows) {
  const sums = new Map();
  for (const { reason_name: name, people } of rows) {
    sums.set(name, (sums.get(name) ?? 0) + people);
  }
  return [...sums].sort((a, b) => b[1] - a[1]);
}
