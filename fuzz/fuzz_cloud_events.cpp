// Arbitrary bytes as a CloudEvent, as a batch, as an HTTP message (headers by line, an empty line, the body) and as an event.
// What is read can be written, and read again as the same; envelopes and back, too.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "rulebus/cloud_events.hpp"
#include "support/naive_json.hpp"

namespace {

[[noreturn]] void fail(const char* what, std::string_view text) {
  std::fprintf(stderr, "%s: %.*s\n", what, static_cast<int>(text.size()), text.data());
  std::abort();
}

const rulebus::cloud_event_options options{"an account", "a region", [] { return std::int64_t{0}; }};

void check(const rulebus::cloud_event& e) {
  const auto json = rulebus::structured_json(e);
  if (!json) fail("what was read cannot be written", json.error().message);
  if (!naive::is_json_object(*json)) fail("not JSON", *json);
  const auto again = rulebus::parse_cloud_event(*json);
  if (!again || *again != e) fail("structured mode gives another event", *json);
  const auto message = rulebus::binary_message(e);
  if (!message || !rulebus::parse_binary_message(*message)) fail("binary mode does not come back", *json);
  for (const auto& [name, value] : message->headers)
    if (value.find_first_of("\r\n") != std::string::npos) fail("a header of two lines", name);
  const auto made = rulebus::to_envelope(e, options);
  if (!made) fail("no envelope", *json);
  const auto read = rulebus::envelope::parse(made->json());
  if (!read) fail("the envelope's text is none", made->json());
  const auto back = rulebus::to_cloud_event(*read, options);
  if (!back || *back != e) fail("the envelope gives another event", made->json());
}

rulebus::cloud_message to_message(std::string_view text) {
  rulebus::cloud_message out;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(line.size() < text.size() ? line.size() + 1 : text.size());
    if (line.empty()) break;
    const std::size_t colon = std::min(line.find(':'), line.size());
    out.headers.emplace_back(line.substr(0, colon), line.substr(std::min(colon + 1, line.size())));
  }
  out.body = text;
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto one = rulebus::parse_cloud_event(text))
    check(*one);
  else if (one.error().message.empty() || one.error().offset > text.size())
    fail("bad error", text);
  if (const auto batch = rulebus::parse_cloud_events(text))
    for (const auto& e : *batch) check(e);
  if (const auto from_message = rulebus::parse_message(to_message(text)))
    for (const auto& e : *from_message) check(e);
  if (const auto e = rulebus::envelope::parse(text))
    if (const auto made = rulebus::to_cloud_event(*e, options)) check(*made);
  return 0;
}
