// Words of the upload page.

export const LAYERS = [
  ["facilities", "设施"],
  ["boundaries", "行政区划边界"],
  ["population", "人口"],
  ["roads", "道路"],
];

export const ACTIONS = { noted: "提示", repaired: "已修复", set_aside: "已剔除" };

export const STATUSES = {
  checking: "正在检查",
  ready: "等待确认",
  refused: "不能使用",
  publishing: "正在更新",
  published: "已更新",
};

export const FORMATS = {
  facilities: "CSV、Excel、GeoPackage、GeoJSON、KML、压缩的 Shapefile（zip）",
  boundaries: "GeoPackage、GeoJSON、KML、压缩的 Shapefile（zip）",
  population: "CSV、Excel、GeoPackage、GeoJSON；栅格用 GeoTIFF",
  roads: "OSM（.osm.pbf、.osm）、GraphML、GeoPackage、GeoJSON、压缩的 Shapefile（zip）",
};

/** What the recognised columns mean. */
export const COLUMNS = {
  id: "编号",
  name: "名称",
  code: "代码",
  parent: "上级代码",
  level: "层级",
  kind: "类型",
  category: "类别",
  functions: "服务功能",
  status: "状态",
  opened: "启用时间",
  closed: "停用时间",
  lon: "经度",
  lat: "纬度",
  x: "横坐标",
  y: "纵坐标",
  address: "地址",
  division_code: "区划代码",
  community_code: "社区代码",
  township_code: "乡镇代码",
  county_code: "县区代码",
  community_name: "社区名称",
  township_name: "乡镇名称",
  beds: "床位",
  nursing_beds: "护理型床位",
  places: "接待人数",
  plots: "墓穴、格位",
  floor_area_m2: "建筑面积",
  staff: "工作人员",
  people: "总人口",
  people_60: "60 岁及以上",
  people_65: "65 岁及以上",
  people_80: "80 岁及以上",
  children: "未成年人",
  households: "户数",
  basis: "口径",
  year: "年份",
  area_m2: "面积",
};

/** A size of a file. */
export function size(bytes) {
  if (bytes < 1024) return `${bytes} 字节`;
  const unit = bytes < 2 ** 20 ? [1024, "KB"] : [2 ** 20, "MB"];
  return `${(bytes / unit[0]).toFixed(bytes < 10 * unit[0] ? 1 : 0)} ${unit[1]}`;
}
