#include "parcels.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <iterator>
#include <string_view>
#include <vector>

namespace rulebus::bench {
namespace {

struct weighted {
  std::string_view name;
  unsigned weight;
};

// Of about 17,000. Those below 90 are for rules that hit seldom.
constexpr weighted streets[] = {
    {"ABBEY", 2},         {"BRIAR", 36},        {"DUNE", 3},         {"FERN", 190},     {"RIDGE", 26},     {"GROVE", 70},
    {"FIELD", 160},       {"VALLEY", 50},       {"LINDEN", 10},      {"CEDAR", 17},     {"WILLOW", 140},   {"POPLAR", 66},
    {"ASH", 100},         {"ASPEN", 100},       {"BIRCH", 100},      {"CHERRY", 100},   {"CYPRESS", 100},  {"HAZEL", 100},
    {"HICKORY", 100},     {"JUNIPER", 100},     {"LARCH", 100},      {"LAUREL", 100},   {"MAGNOLIA", 100}, {"MAPLE", 100},
    {"MULBERRY", 100},    {"PECAN", 100},       {"SPRUCE", 100},     {"SYCAMORE", 100}, {"WALNUT", 100},   {"CLINTON", 100},
    {"NEWTON", 100},      {"PRESTON", 100},     {"BOSTON", 100},     {"DAYTON", 100},   {"MILTON", 100},   {"CARLTON", 100},
    {"WALTON", 100},      {"ALSTON", 100},      {"BURTON", 100},     {"EASTON", 100},   {"DALTON", 100},   {"KINGSTON", 100},
    {"PRINCETON", 100},   {"DANUBE", 100},      {"ELBE", 100},       {"GANGES", 100},   {"INDUS", 100},    {"JORDAN", 100},
    {"LOIRE", 100},       {"MEKONG", 100},      {"NIGER", 100},      {"OBER", 100},     {"ORINOCO", 100},  {"SEINE", 100},
    {"TAGUS", 100},       {"TIBER", 100},       {"VOLTA", 100},      {"YUKON", 100},    {"ZAMBEZI", 100},  {"ADAMS", 100},
    {"HARBOR", 100},      {"CANAL", 100},       {"MARINER", 100},    {"QUARRY", 100},   {"STATION", 100},  {"CHAPEL", 100},
    {"MILL", 100},        {"ORCHARD", 100},     {"VINEYARD", 100},   {"SUMMIT", 100},   {"OLD MILL", 100}, {"LA PAZ", 100},
    {"NORTH POINT", 100}, {"OBSERVATORY", 100}, {"UNIVERSITY", 100}, {"PROMENADE", 100}};
constexpr std::size_t first_numbered = 4, last_numbered = 48, numbered_weight = 160;  // 4TH to 48TH

constexpr weighted street_types[] = {{"ST", 55}, {"AVE", 33}, {"DR", 4},  {"BLVD", 3}, {"TER", 1},
                                     {"CT", 1},  {"PL", 1},   {"WAY", 1}, {"LN", 1}};

// Points of an outline.
constexpr std::array<std::uint8_t, 20> outline_points = {4, 4, 4, 4, 4, 4, 5, 5, 5, 5, 6, 6, 7, 7, 8, 8, 9, 11, 14, 23};

std::string_view pick(tests::random_source& random, const weighted* begin, const weighted* end) {
  std::size_t sum = 0;
  for (const weighted* w = begin; w != end; ++w) sum += w->weight;
  std::size_t at = random.below(sum);
  while (at >= begin->weight) at -= (begin++)->weight;
  return begin->name;
}

std::string quoted_street(tests::random_source& random) {
  static const std::size_t named = [] {
    std::size_t sum = 0;
    for (const weighted& w : streets) sum += w.weight;
    return sum;
  }();
  constexpr std::size_t numbered = (last_numbered - first_numbered + 1) * numbered_weight;
  const std::size_t at = random.below(named + numbered);
  if (at < numbered) return fmt::format("\"{}TH\"", first_numbered + at / numbered_weight);
  return fmt::format("\"{}\"", pick(random, std::begin(streets), std::end(streets)));
}

/// Lots that occur as often as what the sets of parcel_rules.cpp ask for needs: from once to three in a thousand.
std::string_view rare_lot(std::size_t i) {
  if (i % 200'000 == 11) return "2051009";
  if (i % 200'000 == 1'013) return "OPENLAND";
  if (i % 2'110 == 17) return "4417203";
  if (i % 6'088 == 29) return "4418117";
  if (i % 325 == 41) return "6120038";
  return {};
}

// Degrees in units of 1e-15, so that nothing is rounded. Written with as many digits as a double tells apart there: others the
// language does not compare.
using fixed = std::int64_t;
constexpr fixed unit = 1'000'000'000'000'000;
constexpr fixed jitter = unit / 1000;  // half of it to either side

struct place {
  fixed x, y;
};

fixed below(tests::random_source& random, fixed n) { return static_cast<fixed>(random.below(static_cast<std::size_t>(n))); }

/// The middle of a lot. West to east it is the third of four uniform numbers, which makes a centre of the city.
place middle(tests::random_source& random) {
  std::array<fixed, 4> across{};
  for (fixed& a : across) a = below(random, unit * 15 / 100);
  std::sort(across.begin(), across.end());
  return {-70 * unit - unit * 72 / 100 + across[2], 42 * unit + unit * 30 / 100 + below(random, unit / 10)};
}

std::string decimal(fixed value, int digits) {
  const bool negative = value < 0;
  const auto size = static_cast<std::uint64_t>(negative ? -value : value);
  std::uint64_t fraction = size % static_cast<std::uint64_t>(unit);
  for (int i = digits; i < 15; ++i) fraction /= 10;
  return fmt::format("{}{}.{:0{}}", negative ? "-" : "", size / static_cast<std::uint64_t>(unit), fraction, digits);
}

std::string point(const std::string& x, const std::string& y) { return fmt::format(R"({{"x":{},"y":{},"z":0}})", x, y); }

std::string geometry(tests::random_source& random, std::size_t i) {
  const bool several = i % 1'776 == 23;
  const place at = middle(random);
  const std::size_t count = outline_points[random.below(outline_points.size())];
  std::vector<std::string> points;
  for (std::size_t k = 0; k < count; ++k) {
    std::string x = decimal(at.x + below(random, jitter) - jitter / 2, 13);
    std::string y = decimal(at.y + below(random, jitter) - jitter / 2, 14);
    if (k == 0 && i % 100'000 == 5) x = rare_x;
    if (k + 1 == count && i % 1'000 == 77) x = rare_x;
    if (k == 1 && i % 200'000 == 23) y = rare_y;
    points.push_back(point(x, y));
  }
  return fmt::format(R"({{"type":"{}","firstCoordinates":{},"coordinates":[{}]}})", several ? "MultiPolygon" : "Polygon",
                     points[0], fmt::join(points, ","));
}

}  // namespace

std::string make_parcel(tests::random_source& random, std::size_t i) {
  // One random number a statement: the order in which arguments are evaluated differs between compilers.
  const std::size_t block_number = random.between(1, 8998), lot_number = random.between(1, 399);
  const std::string block = fmt::format("{:04}{}", block_number, random.below(9) == 0 ? "A" : "");
  const std::string lot = fmt::format("{:03}{}", lot_number, random.below(7) == 0 ? "A" : "");
  const std::string_view rare = rare_lot(i);
  const bool unknown = random.below(250) == 0;  // an address that nobody knows
  const std::string street = quoted_street(random);
  const bool no_type = random.below(100) == 0;
  const std::string type = fmt::format("\"{}\"", pick(random, std::begin(street_types), std::end(street_types)));
  const std::size_t from = random.between(1, 4499);
  static const std::vector<std::size_t> lengths = {0, 0, 0, 2, 4, 80};  // of what the lot has of its street
  const std::size_t to = from + random.pick(lengths);
  const char* side = random.percent(50) ? "E" : "O";
  return fmt::format(R"({{"type":"Feature","properties":{{"MAPBLKLOT":"{}","BLKLOT":"{}","BLOCK_NUM":"{}","LOT_NUM":"{}",)"
                     R"("FROM_ST":{},"TO_ST":{},"STREET":{},"ST_TYPE":{},"ODD_EVEN":"{}"}},"geometry":{}}})",
                     rare.empty() ? block + lot : std::string(rare), block + lot, block, lot,
                     unknown ? "null" : fmt::format("\"{}\"", from), unknown ? "null" : fmt::format("\"{}\"", to),
                     unknown ? "null" : street, unknown || no_type ? "null" : type, side, geometry(random, i));
}

}  // namespace rulebus::bench
