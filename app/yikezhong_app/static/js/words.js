// What ids are called on the screen. Names of services, categories and divisions come
// from the API; these are the words of the product itself.

export const LEVELS = ["province", "prefecture", "county", "township", "community"];

export const LEVEL_NAMES = {
  province: "省",
  prefecture: "市州",
  county: "县市区",
  township: "乡镇街道",
  community: "社区/村",
};

export const DENOMINATOR_NAMES = {
  people_60: "60岁及以上人口",
  people_65: "65岁及以上人口",
  people_80: "80岁及以上人口",
  people: "常住人口",
  children: "未成年人",
  households: "户数",
  communities: "社区/村数",
  townships: "乡镇街道数",
  road_length: "道路长度",
  road_length_m: "道路长度",
  area: "面积",
  area_m2: "面积",
};

export const VARIANT_NAMES = { with_neighbours: "含邻区设施", own: "仅本辖区" };

export const PROFILE_NAMES = { walking: "步行", driving: "驾车" };

export const REASON_NAMES = {
  no_population_data: "无人口数据",
  no_road: "附近没有道路",
  no_route: "道路不连通",
  full: "可达设施已满",
  lacks_function: "设施缺所需功能",
  not_open: "设施未运营",
  too_far: "距离过远",
};

export const FLAG_NAMES = {
  no_people: "没有人口，不适用",
  no_areas: "没有可计的社区或乡镇，不适用",
  no_length: "没有道路，不适用",
  no_area: "没有面积，不适用",
  unknown_people: "部分或全部人口未知，未计入",
  empty_areas: "有无人口的社区或乡镇，未计入",
  unknown_area: "部分或全部范围未知，未计入",
  estimated: "含推算人口",
  approximate: "近似值",
};

export const STATUS_NAMES = {
  open: "运营",
  planned: "规划/在建",
  closed: "停用",
  unknown: "状态不明",
};

export const KIND_NAMES = {
  subdistrict: "街道",
  town: "镇",
  rural_township: "乡",
  township_unit: "乡级单位",
  urban_community: "社区",
  village: "村",
  community_unit: "社区级单位",
};

export const LAYER_NAMES = {
  areas: "覆盖率分级",
  townships: "乡镇街道界",
  communities: "社区/村界",
  circles: "服务圈",
  facilities: "设施",
  gaps: "未覆盖人口",
  gapareas: "缺口片区",
  roads: "道路",
  labels: "地名",
};

export const VERDICT_NAMES = {
  met: "达标",
  not_met: "未达标",
  unknown: "无法判定",
  not_applicable: "不适用",
  no_target: "未设目标",
};

/** Unit of a denominator's counts. */
export function unitOf(denominator) {
  if (denominator.startsWith("people") || denominator === "children") return "人";
  if (denominator === "households") return "户";
  if (denominator.startsWith("road_length")) return "公里";
  if (denominator.startsWith("area")) return "平方公里";
  return "个";
}

/** Return the name of an id, or the id itself where it has none. */
export const nameOf = (names, id) => (Object.hasOwn(names, id) ? names[id] : id);
