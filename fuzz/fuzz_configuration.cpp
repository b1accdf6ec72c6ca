// Arbitrary bytes as a configuration. check and load agree; a refused document has changed nothing, and its error a place in the
// text; an accepted one is told in a form that loads to the same.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>

#include "rulebus/configuration.hpp"
#include "rulebus/targets/null.hpp"

namespace {

[[noreturn]] void fail(const char* what, std::string_view detail) {
  std::fprintf(stderr, "%s: %.*s\n", what, static_cast<int>(detail.size()), detail.data());
  std::abort();
}

void check_place(const rulebus::error& e, std::string_view text) {
  if (e.message.empty() || e.offset > text.size()) fail("bad error", e.message);
  std::size_t line = 1, start = 0;
  for (std::size_t i = 0; i < e.offset; ++i)
    if (text[i] == '\n') ++line, start = i + 1;
  if (e.line != line || e.column != e.offset - start + 1) fail("line and column are not those of the offset", e.message);
}

/// No files, nothing on standard output.
rulebus::configuration_options harmless() {
  return {
      .replace = [](std::string_view) -> std::shared_ptr<rulebus::target> { return std::make_shared<rulebus::null_target>(); }};
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::unique_ptr<char[]> exact(new char[size]);
  if (size != 0) std::memcpy(exact.get(), data, size);
  const std::string_view text(exact.get(), size);

  rulebus::service events;
  rulebus::configuration c(events, harmless());
  const auto checked = c.check(text);
  if (events.list_event_buses().size() != 1) fail("check made a bus", text);
  const auto loaded = c.load(text);
  if (loaded.has_value() != checked.has_value()) fail("check and load differ", loaded ? "" : loaded.error().message);
  if (!loaded) {
    check_place(loaded.error(), text);
    if (events.list_event_buses().size() != 1 || !events.list_rules().value().rules.empty()) fail("half applied", text);
    return 0;
  }
  const std::string told = c.dump().value();
  rulebus::service others;
  rulebus::configuration again(others, harmless());
  if (const auto loads = again.load(told); !loads) fail(loads.error().message.c_str(), told);
  if (again.dump().value() != told || c.format(told).value() != told) fail("the canonical form is not a fixed point", told);
  return 0;
}
