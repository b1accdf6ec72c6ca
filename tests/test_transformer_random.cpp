// Random inputs over random events: the transformer and its slow twin must agree, and what is delivered must be valid.
// RULEBUS_SEED and RULEBUS_RANDOM_CASES choose the cases; the seed of a failing run is in its output.
#include "rulebus/transformer.hpp"

#include <doctest/doctest.h>

#include <string>

#include "support/naive_transformer.hpp"
#include "support/random_inputs.hpp"
#include "support/random_source.hpp"

namespace {

const std::uint64_t wanted_cases = tests::number_from_environment("RULEBUS_RANDOM_CASES", 200'000 / tests::build_slowness);

rulebus::target_input to_input(const naive::transform_input& in) {
  rulebus::target_input out;
  out.input_transformer.emplace().input_template = in.text;
  for (const auto& [name, path] : in.paths) out.input_transformer->input_paths_map[name] = path;
  return out;
}

bool is_text(const naive::transform_input& in) { return in.text[in.text.find_first_not_of(" \t\r\n")] == '"'; }

/// JSON without the differences that do not matter; text with each of its strings so. Throws when it is not valid.
std::string normal(const std::string& text, bool lines) {
  if (!lines) return naive::to_json(naive::parse_json(text, 3000));
  std::string out;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '"') {
      out += text[at];
      continue;
    }
    std::size_t end = at + 1;
    while (text.at(end) != '"') end += text[end] == '\\' ? 2U : 1U;
    naive::write_json(naive::parse_json(text.substr(at, end + 1 - at)), out);
    at = end;
  }
  return out;
}

struct counts {
  std::uint64_t delivered = 0, dropped = 0, missing = 0;
};

void compare_templates(tests::random_source& random, counts& seen, std::string& buffer) {
  tests::input_generator generator(random);
  const naive::transform_input in = generator.input();
  std::string paths;
  for (const auto& [name, path] : in.paths) paths += "\n  " + name + " = " + path;
  INFO("template: " << in.text << paths);
  const auto compiled = rulebus::transformer::parse(to_input(in), "t");
  REQUIRE_MESSAGE(compiled.has_value(), in.text << ": " << (compiled ? "" : compiled.error().message));
  const rulebus::transform_context context{in.reserved.at("aws.events.rule-name"), in.reserved.at("aws.events.rule-arn"),
                                           in.reserved.at("aws.events.event.ingestion-time")};
  for (int i = 0; i < 4; ++i) {
    const std::string event = generator.event();
    INFO("event: " << event);
    const auto fast = compiled->transform(event, context, buffer);
    REQUIRE(fast.has_value());
    const auto slow = naive::transform(in, naive::parse_json(event));
    REQUIRE(fast->dropped() == !slow.text.has_value());
    ++(fast->dropped() ? seen.dropped : seen.delivered);
    if (fast->dropped()) continue;
    const std::string got(fast->input);
    CHECK_MESSAGE(normal(got, is_text(in)) == normal(*slow.text, is_text(in)), got << "\n twin: " << *slow.text);
  }
}

void compare_paths(tests::random_source& random, counts& seen, std::string& buffer) {
  tests::input_generator generator(random);
  rulebus::target_input target;
  target.input_path = generator.path();
  const auto compiled = rulebus::transformer::parse(target, "t").value();
  for (int i = 0; i < 4; ++i) {
    const std::string event = generator.event();
    INFO("path: " << *target.input_path << ", event: " << event);
    const auto fast = compiled.transform(event, {}, buffer);
    REQUIRE(fast.has_value());
    const auto slow = naive::select(naive::parse_json(event), *target.input_path);
    REQUIRE(fast->dropped() == !slow.has_value());
    seen.missing += slow ? 0U : 1U;
    if (slow) CHECK(naive::to_json(naive::parse_json(fast->input)) == naive::to_json(*slow));
  }
}

}  // namespace

TEST_CASE("transformer, random: it agrees with its twin on every template and path") {
  const std::uint64_t first = tests::seed();
  MESSAGE("RULEBUS_SEED=" << first);
  counts seen;
  std::string buffer;
  for (std::uint64_t i = 0; i < wanted_cases / 8; ++i) {
    INFO("RULEBUS_SEED=" << first + i);
    tests::random_source random(first + i);
    compare_templates(random, seen, buffer);
    compare_paths(random, seen, buffer);
  }
  CHECK(seen.delivered > wanted_cases / 4);
  CHECK(seen.dropped > 0);
  CHECK(seen.missing > 0);
  MESSAGE(seen.delivered << " delivered, " << seen.dropped << " dropped, " << seen.missing << " paths to nothing");
}

TEST_CASE("transformer, random: damaged events do no harm") {
  const std::uint64_t first = tests::seed();
  MESSAGE("RULEBUS_SEED=" << first);
  std::string buffer;
  for (std::uint64_t i = 0; i < wanted_cases / 10; ++i) {
    INFO("RULEBUS_SEED=" << first + i);
    tests::random_source random(first + i);
    tests::input_generator generator(random);
    const auto compiled = rulebus::transformer::parse(to_input(generator.input()), "t").value();
    std::string event = generator.event();
    const std::string_view replacements = "{}[]\",:\\ax0 ";
    for (std::size_t n = random.between(1, 3); n-- > 0;) {
      if (random.percent(20)) event.resize(random.below(event.size() + 1));
      if (!event.empty()) event[random.below(event.size())] = replacements[random.below(replacements.size())];
    }
    const std::string exact(event.begin(), event.end());  // its own memory, so that reading behind it is noticed
    const auto made = compiled.transform(exact, {}, buffer);
    if (made) CHECK((made->dropped() || !made->input.empty()));
  }
}

TEST_CASE("transformer, random: damaged templates are refused with a place, or work") {
  const std::uint64_t first = tests::seed();
  MESSAGE("RULEBUS_SEED=" << first);
  std::string buffer;
  std::uint64_t refused = 0;
  for (std::uint64_t i = 0; i < wanted_cases / 10; ++i) {
    INFO("RULEBUS_SEED=" << first + i);
    tests::random_source random(first + i);
    tests::input_generator generator(random);
    naive::transform_input in = generator.input();
    const std::string_view replacements = "{}[]\",:\\<>x0 \n";
    for (std::size_t n = random.between(1, 3); n-- > 0 && !in.text.empty();) {
      in.text[random.below(in.text.size())] = replacements[random.below(replacements.size())];
    }
    INFO("template: " << in.text);
    const auto compiled = rulebus::transformer::parse(to_input(in), "t");
    if (!compiled) {
      ++refused;
      CHECK(compiled.error().offset <= in.text.size());
      CHECK(!compiled.error().message.empty());
      continue;
    }
    const auto made = compiled->transform(generator.event(), {}, buffer).value();
    if (!made.dropped()) CHECK_NOTHROW(normal(std::string(made.input), is_text(in)));
  }
  CHECK(refused > wanted_cases / 40);
}
