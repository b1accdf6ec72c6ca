// Rule sets that punish an index in a known way. Each is named for what it does; what goes wrong elsewhere is said at each.
#include <fmt/format.h>

#include <initializer_list>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "workload.hpp"

namespace rulebus::bench {
namespace {

using tests::random_source;

/// An event with the service's envelope.
std::string enveloped(random_source& random, std::string_view source, std::string_view account, std::string_view detail) {
  const std::uint64_t a = random.next(), b = random.next();
  return fmt::format(R"({{"version":"0","id":"{:08x}-{:04x}-4000-8000-{:012x}","detail-type":"Placed","source":"{}",)"
                     R"("account":"{}","time":"2026-04-05T06:07:08Z","region":"eu-central-1","resources":[],"detail":{}}})",
                     a & 0xffffffff, a >> 32 & 0xffff, b & 0xffffffffffff, source, account, detail);
}

std::string account(std::size_t i) { return fmt::format("10000000000{}", i % 2); }

/// Half of the rules share one value of a field that sorts first. Automata that merge rules field by field multiply here.
workload shared_value(std::size_t n) {
  return {.name = fmt::format("shared_value_{}", n),
          .rules = n,
          .rule = [](std::size_t i) { return fmt::format(R"({{"account":["{}"],"detail":{{"id":["n{}"]}}}})", account(i), i); },
          .events = {.name = "",
                     .make =
                         [n](random_source& random, std::size_t i) {
                           const std::size_t k = random.below(n);
                           return enveloped(random, "depot", account(k), fmt::format(R"({{"id":"n{}","step":{}}})", k, i));
                         }},
          .matches_per_event = 1};
}

workload exact(std::size_t n) {
  return {.name = fmt::format("exact_{}", n),
          .rules = n,
          .rule = [](std::size_t i) { return fmt::format(R"({{"source":["depot"],"detail":{{"id":["n{}"]}}}})", i); },
          .events = {.name = "",
                     .make =
                         [n](random_source& random, std::size_t i) {
                           const std::size_t k = random.below(n);
                           return enveloped(random, "depot", account(0), fmt::format(R"({{"id":"n{}","step":{}}})", k, i));
                         }},
          .matches_per_event = 1};
}

/// One rule, five fields of ten values each: 100,000 combinations for whoever writes them all out.
workload value_lists() {
  return {.name = "value_lists",
          .rules = 1,
          .rule =
              [](std::size_t) {
                std::string out;
                for (int field = 0; field < 5; ++field) {
                  out += fmt::format(R"({}"list{}":[)", field == 0 ? "{" : ",", field);
                  for (int value = 0; value < 10; ++value)
                    out += fmt::format(R"({}"w{}-{}")", value == 0 ? "" : ",", field, value);
                  out += ']';
                }
                return out + '}';
              },
          .events = {.name = "", .make = [](random_source& random, std::size_t) {
                       std::string out;
                       for (int field = 0; field < 5; ++field) {
                         out += fmt::format(R"({}"list{}":"w{}-{}")", field == 0 ? "{" : ",", field, field, random.below(11));
                       }
                       return out + '}';
                     }}};
}

/// Every rule looks at a field of its own: what walks all used paths for each event, or for each added rule, goes quadratic.
workload own_field(std::size_t n) {
  return {.name = fmt::format("own_field_{}", n),
          .rules = n,
          .rule = [](std::size_t i) { return fmt::format(R"({{"detail":{{"own{}":["yes"]}}}})", i); },
          .events = {.name = "",
                     .count = 5'000,
                     .make =
                         [n](random_source& random, std::size_t i) {
                           return enveloped(random, "depot", account(0),
                                            fmt::format(R"({{"own{}":"yes","step":{}}})", random.below(n), i));
                         }},
          .matches_per_event = 1};
}

/// Each rule wants a field of its own to be absent, which all events satisfy, and something that few do.
workload absent_field(std::size_t n) {
  return {
      .name = fmt::format("absent_field_{}", n),
      .rules = n,
      .rule = [](std::size_t i) { return fmt::format(R"({{"class":["a"],"gone{}":[{{"exists":false}}],"key":["n{}"]}})", i, i); },
      .events = {.name = "",
                 .count = 5'000,
                 .make = [n](random_source& random,
                             std::size_t) { return fmt::format(R"({{"class":"a","key":"n{}"}})", random.below(n)); }},
      .matches_per_event = 1};
}

/// Three arrays of 80 objects: array consistency done by trying all triples takes half a million steps an event.
workload three_arrays() {
  return {.name = "three_arrays",
          .rules = 2,
          .rule = [](std::size_t i) -> std::string {
            if (i == 0) {
              return R"({"p":{"v":[{"exists":true}]},"q":{"v":[{"exists":true}]},"r":{"v":[{"exists":true}]},"zone":["none"]})";
            }
            return R"({"p":{"v":[-1]},"q":{"v":[-2]},"r":{"v":[-3]}})";
          },
          .events = {.name = "",
                     .count = 500,
                     .make =
                         [](random_source&, std::size_t i) {
                           std::string list = "[";
                           for (std::size_t k = 0; k < 80; ++k)
                             list += fmt::format(R"({}{{"v":{}}})", k == 0 ? "" : ",", k + i % 3);
                           list += ']';
                           return fmt::format(R"({{"p":{0},"q":{0},"r":{0}}})", list);
                         }},
          .matches_per_event = 0};
}

using words = std::vector<std::string>;

/// 6,000 different words of few letters, so that pieces of them occur in many.
std::shared_ptr<const words> word_list() {
  static const std::shared_ptr<const words> list = [] {
    random_source random(6'000);
    std::set<std::string> seen;
    words out;
    while (out.size() < 6'000) {
      std::string word;
      for (std::size_t n = random.between(5, 9); n > 0; --n) word += std::string_view("aeilnorstumd")[random.below(12)];
      if (seen.insert(word).second) out.push_back(word);
    }
    return std::make_shared<const words>(std::move(out));
  }();
  return list;
}

/// Many different wildcards on one field: automata that are merged grow with the product of the stars.
workload wildcards(std::size_t n) {
  return {.name = fmt::format("wildcard_{}", n),
          .rules = n,
          .rule =
              [list = word_list()](std::size_t i) {
                const std::string& word = (*list)[i];
                return fmt::format(R"({{"name":[{{"wildcard":"{}*{}*"}}]}})", word.substr(0, 1 + i % 3), word.substr(3, 2));
              },
          .events = {.name = "words", .make = [list = word_list()](random_source& random, std::size_t i) {
                       return fmt::format(R"({{"name":"{}","step":{}}})", random.pick(*list), i);
                     }}};
}

/// Stars at both ends, so that no beginning or end can be looked up.
workload inner_wildcards() {
  return {.name = "wildcard_inner_1000",
          .rules = 1'000,
          .rule = [list = word_list()](
                      std::size_t i) { return fmt::format(R"({{"name":[{{"wildcard":"*{}*"}}]}})", (*list)[i].substr(1, 4)); },
          .events = {.name = "double words", .make = [list = word_list()](random_source& random, std::size_t i) {
                       const std::string& first = random.pick(*list);
                       return fmt::format(R"({{"name":"{}{}","step":{}}})", first, random.pick(*list), i);
                     }}};
}

/// Overlapping ranges of one number, three of which hold for each event.
workload number_ranges() {
  return {.name = "number_ranges_100000",
          .rules = 100'000,
          .rule =
              [](std::size_t i) {
                return fmt::format(R"({{"price":[{{"numeric":[">=",{}.{},"<",{}.{}]}}]}})", i / 10, i % 10, (i + 3) / 10,
                                   (i + 3) % 10);
              },
          .events = {.name = "", .make = [](random_source& random, std::size_t) {
                       const std::size_t cents = random.below(1'000'000);
                       return fmt::format(R"({{"price":{}.{:02},"sku":"s"}})", cents / 100, cents % 100);
                     }}};
}

/// A complement that nearly every event satisfies, and an equality that decides.
workload all_but_one() {
  return {
      .name = "all_but_one_10000",
      .rules = 10'000,
      .rule =
          [](std::size_t i) { return fmt::format(R"({{"sort":[{{"anything-but":["s{}"]}}],"detail":{{"id":["n{}"]}}}})", i, i); },
      .events = {.name = "", .make = [](random_source& random, std::size_t) {
                   const std::size_t sort = random.below(10'000);
                   return fmt::format(R"({{"sort":"s{}","detail":{{"id":"n{}"}}}})", sort, random.below(10'000));
                 }}};
}

/// Six fields, of which each alone says little: how well is the field chosen under which a rule is found?
workload six_fields() {
  return {.name = "six_fields_100000",
          .rules = 100'000,
          .rule =
              [](std::size_t i) {
                return fmt::format(R"({{"stage":["live"],"owner":["o{}"],"number":[{},{}],"sort":[{{"prefix":"s{}"}}],)"
                                   R"("state":[{{"anything-but":["lost","sold"]}}],"town":["c{}","c{}"]}})",
                                   i / 10, i % 1'000, i % 1'000 + 1, i % 7, i % 50, (i + 1) % 50);
              },
          .events = {.name = "", .make = [](random_source& random, std::size_t) {
                       const std::size_t i = random.below(100'000);
                       return fmt::format(
                           R"({{"stage":"live","owner":"o{}","number":{},"sort":"s{}-","state":"kept","town":"c{}",)"
                           R"("rest":"{:-<100}"}})",
                           i / 10, i % 1'000, i % 7, i % 50, "");
                     }}};
}

}  // namespace

using sizes = std::initializer_list<std::size_t>;

std::vector<workload> exact_workloads() {
  std::vector<workload> out;
  for (const std::size_t n : sizes{1, 100, 1'000, 10'000, 1'000'000}) out.push_back(exact(n));
  return out;
}

std::vector<workload> hostile_workloads() {
  std::vector<workload> out;
  for (const std::size_t n : sizes{100, 5'000, 100'000}) out.push_back(shared_value(n));
  out.push_back(value_lists());
  for (const std::size_t n : sizes{1'000, 4'000, 20'000}) out.push_back(own_field(n));
  for (const std::size_t n : sizes{100, 4'000}) out.push_back(absent_field(n));
  out.push_back(three_arrays());
  for (const std::size_t n : sizes{100, 1'000}) out.push_back(wildcards(n));
  out.push_back(inner_wildcards());
  out.push_back(number_ranges());
  out.push_back(all_but_one());
  out.push_back(six_fields());
  for (workload& w : out) w.name = "hostile." + w.name;
  return out;
}

std::vector<workload> all_workloads() {
  std::vector<workload> out;
  for (const auto& group : {exact_workloads(), parcel_workloads(), hostile_workloads()}) {
    out.insert(out.end(), group.begin(), group.end());
  }
  for (workload& w : out) {
    if (w.events.name.empty()) w.events.name = w.name;
  }
  return out;
}

}  // namespace rulebus::bench
