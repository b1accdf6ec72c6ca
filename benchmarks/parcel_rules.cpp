// The sets of rules over parcels: the same kinds of tests, on the same fields, about as selective as the benchmark sets that are
// usual for this language; five rules a set, and two unions.
#include <fmt/format.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "parcels.hpp"
#include "workload.hpp"

namespace rulebus::bench {
namespace {

using patterns = std::vector<std::string>;
struct field_test {
  std::string_view field, test;  // the test is JSON
};

/// One rule for each, on members of "properties", or of "geometry" for its type.
patterns on_fields(const std::vector<field_test>& tests) {
  patterns out;
  for (const auto& [field, test] : tests) {
    out.push_back(fmt::format(R"({{"{}":{{"{}":[{}]}}}})", field == "type" ? "geometry" : "properties", field, test));
  }
  return out;
}

constexpr const char* east = "-70.6108352610472";  // 70 % of the lots are west of it
constexpr const char* inner_west = "-70.6615492837046";
constexpr const char* inner_east = "-70.6045291773621";

patterns numbers(std::string_view coordinates, std::string_view several) {
  const auto rule = [&](std::string_view type, std::string_view axis, const std::string& range) {
    return fmt::format(R"({{"geometry":{{{}"{}":{{"{}":[{{"numeric":[{}]}}]}}}}}})", type, coordinates, axis, range);
  };
  return {
      rule(R"("type":["Polygon"],)", "x", fmt::format(R"("=",{})", rare_x)),
      rule(R"("type":["MultiPolygon"],)", several == "z" ? "z" : "y", fmt::format(R"("=",{})", several == "z" ? "0" : rare_y)),
      rule("", "x", fmt::format(R"("<",{})", east)), rule("", "x", fmt::format(R"(">",{})", east)),
      rule("", "x", fmt::format(R"(">",{},"<",{})", inner_west, inner_east))};
}

/// What anything-but is asked about in its five variants: mostly things that are seldom, so that the rules mostly match.
patterns but(std::string_view form, const std::vector<std::string_view>& words) {
  static constexpr std::string_view fields[] = {"STREET", "STREET", "ST_TYPE", "type", "FROM_ST"};
  patterns out;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string test = form.empty()                   ? fmt::format(R"({{"anything-but":["{}"]}})", words[i])
                             : form == "equals-ignore-case" ? fmt::format(R"({{"anything-but":{{"{}":["{}"]}}}})", form, words[i])
                                                            : fmt::format(R"({{"anything-but":{{"{}":"{}"}}}})", form, words[i]);
    const std::vector<field_test> one = {{form == "wildcard" ? "MAPBLKLOT" : fields[i], test}};
    out.push_back(on_fields(one).front());
  }
  return out;
}

patterns worded(std::string_view operation, std::string_view field, const std::vector<std::string_view>& words) {
  const bool folded = operation.substr(0, 1) == "~";
  patterns out;
  for (const std::string_view word : words) {
    const std::string test = folded ? fmt::format(R"({{"{}":{{"equals-ignore-case":"{}"}}}})", operation.substr(1), word)
                                    : fmt::format(R"({{"{}":"{}"}})", operation, word);
    const std::vector<field_test> one = {{field, test}};
    out.push_back(on_fields(one).front());
  }
  return out;
}

using named_sets = std::vector<std::pair<std::string, patterns>>;

named_sets sets() {
  const std::vector<std::string_view> shapes = {"205*", "4*1*0*8", "*318", "6*2*7", "OP*ND"};
  patterns ignoring_case = worded("equals-ignore-case", "STREET", {"linden", "cEdAr", "WiLLoW", "POPLAR"});
  ignoring_case.push_back(worded("equals-ignore-case", "ST_TYPE", {"st"}).front());
  return {
      {"numeric", numbers("firstCoordinates", "z")},
      {"exact", on_fields({{"MAPBLKLOT", R"("2051009")"},
                           {"MAPBLKLOT", R"("4417203")"},
                           {"MAPBLKLOT", R"("4418117")"},
                           {"MAPBLKLOT", R"("6120038")"},
                           {"MAPBLKLOT", R"("OPENLAND")"}})},
      {"prefix", worded("prefix", "STREET", {"AB", "BR", "DU", "FE", "RI"})},
      {"prefix_equals_ignore_case", worded("~prefix", "STREET", {"Ab", "bR", "dU", "Fe", "rI"})},
      {"suffix", worded("suffix", "STREET", {"TON", "OVE", "UNE", "LD", "EY"})},
      {"suffix_equals_ignore_case", worded("~suffix", "STREET", {"tOn", "Ove", "uNe", "lD", "eY"})},
      {"equals_ignore_case", ignoring_case},
      {"wildcard", worded("wildcard", "MAPBLKLOT", shapes)},
      {"anything_but", but("", {"WILLOW", "GROVE", "ST", "Polygon", "317"})},
      {"anything_but_ignore_case", but("equals-ignore-case", {"Willow", "Grove", "st", "polygon", "317"})},
      {"anything_but_prefix", but("prefix", {"WILLO", "GROV", "S", "Poly", "31"})},
      {"anything_but_suffix", but("suffix", {"ILLOW", "ROVE", "T", "olygon", "17"})},
      {"anything_but_wildcard", but("wildcard", shapes)},
      {"complex_arrays", numbers("coordinates", "y")},
  };
}

}  // namespace

std::vector<workload> parcel_workloads() {
  named_sets all = sets();
  // The unions: of the plain sets and all of anything-but; and the same with arrays, where every point of an outline counts.
  patterns some, arrays;
  for (const auto& [name, rules] : all) {
    const bool in_both = name == "numeric" || name == "exact" || name == "prefix" || name.substr(0, 12) == "anything_but";
    if (in_both) some.insert(some.end(), rules.begin(), rules.end());
    if (name == "complex_arrays") arrays = rules;
  }
  patterns every = some;
  every.insert(every.end(), arrays.begin(), arrays.end());
  all.emplace_back("partial_combo", some);
  all.emplace_back("combo", every);
  std::vector<workload> out;
  for (auto& [name, rules] : all) {
    const std::size_t count = rules.size();
    out.push_back({.name = "parcels." + name,
                   .rules = count,
                   .rule = [rules = std::move(rules)](std::size_t i) { return rules[i]; },
                   .events = {.name = "parcels", .make = make_parcel}});
  }
  return out;
}

}  // namespace rulebus::bench
