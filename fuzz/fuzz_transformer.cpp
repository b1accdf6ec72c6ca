// A template, paths and an event, by the lines of the input; the transformer and its twin must agree:
//   NAME=PATH for each variable, an empty line, the template up to the next empty line, the event.
// A template that is taken gives valid JSON, or lines of JSON strings, for every valid event; others do no harm.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>

#include "rulebus/transformer.hpp"
#include "support/naive_transformer.hpp"

namespace {

[[noreturn]] void fail(const char* what, const std::string& detail) {
  std::fprintf(stderr, "%s: %s\n", what, detail.c_str());
  std::abort();
}

/// The text up to the separator, which is taken off with it.
std::string_view take(std::string_view& rest, std::string_view separator) {
  const std::size_t end = rest.find(separator);
  const std::string_view out = rest.substr(0, end);
  rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + separator.size());
  return out;
}

/// The same for texts that mean the same; throws naive::bad_json when it is not valid.
std::string normal(const std::string& text, bool lines) {
  if (!lines) return naive::to_json(naive::parse_json(text, 100'000));
  std::string out;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '"') {
      out += text[at];
      continue;
    }
    std::size_t end = at + 1;
    while (end < text.size() && text[end] != '"') end += text[end] == '\\' ? 2U : 1U;
    naive::write_json(naive::parse_json(std::string_view(text).substr(at, end + 1 - at)), out);
    at = end;
  }
  return out;
}

void compare(const naive::transform_input& in, const rulebus::transformed& fast, std::string_view event) {
  const auto slow = naive::transform(in, naive::parse_json(event));
  if (fast.dropped() != !slow.text.has_value()) fail("one of them drops it", in.text);
  if (fast.dropped()) return;
  const bool lines = in.text[in.text.find_first_not_of(" \t\r\n")] == '"';
  try {
    const std::string got = normal(std::string(fast.input), lines);
    if (got != normal(*slow.text, lines)) fail("the transformer and its twin differ", got);
  } catch (const naive::bad_json& e) {
    fail(e.what(), std::string(fast.input));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  naive::transform_input in;
  in.reserved = {{"aws.events.rule-name", "na\"me"}, {"aws.events.rule-arn", ""}, {"aws.events.event.ingestion-time", "t"}};
  rulebus::target_input from;
  auto& made = from.input_transformer.emplace();
  for (std::string_view line; !(line = take(rest, "\n")).empty();) {
    const std::string name(take(line, "="));
    in.paths[name] = std::string(line);
    made.input_paths_map[name] = std::string(line);
  }
  in.text = made.input_template = std::string(take(rest, "\n\n"));
  // Exactly as large as the event, so that reading behind it is noticed.
  const std::unique_ptr<char[]> exact(new char[rest.size()]);
  if (!rest.empty()) std::memcpy(exact.get(), rest.data(), rest.size());
  const std::string_view event(exact.get(), rest.size());

  const auto compiled = rulebus::transformer::parse(from, "t");
  if (!compiled) {
    if (compiled.error().message.empty()) fail("an error without words", in.text);
    return 0;
  }
  std::string buffer;
  const auto fast = compiled->transform(event, {"na\"me", "", "t"}, buffer);
  if (!naive::is_json_object(event)) return 0;
  if (!fast) fail("a valid event is refused", std::string(event));
  compare(in, *fast, event);
  return 0;
}
