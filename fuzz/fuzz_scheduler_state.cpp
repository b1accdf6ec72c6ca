// Arbitrary bytes as the state of a scheduler. What is refused has restored nothing, and its error a place in the text where it
// has one; what is accepted saves to a form that restores to the same bytes, before and after time has passed.
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>

#include "rulebus/scheduler.hpp"
#include "rulebus/targets/null.hpp"

namespace {

[[noreturn]] void fail(const char* what, std::string_view detail) {
  std::fprintf(stderr, "%s: %.*s\n", what, static_cast<int>(detail.size()), detail.data());
  std::abort();
}

void check_place(const rulebus::error& e, std::string_view text) {
  if (e.message.empty() || e.offset > text.size()) fail("bad error", e.message);
  if (e.line == 0) return;
  std::size_t line = 1, start = 0;
  for (std::size_t i = 0; i < e.offset; ++i)
    if (text[i] == '\n') ++line, start = i + 1;
  if (e.line != line || e.column != e.offset - start + 1) fail("line and column are not those of the offset", e.message);
}

/// A scheduler in virtual time, with a target for every ARN.
struct virtual_scheduler {
  std::shared_ptr<rulebus::manual_clock> clock =
      std::make_shared<rulebus::manual_clock>(std::chrono::sys_days(std::chrono::year(2027) / 3 / 14));
  rulebus::scheduler it{{.clock = clock, .executor = rulebus::make_manual_executor(), .seed = 1}};

  rulebus::result<void> restore(std::string_view text) {
    return it.restore(text, [](std::string_view) { return std::make_shared<rulebus::null_target>(); });
  }
};

/// What it saves, which must be a fixed point.
std::string saved(const virtual_scheduler& s) {
  std::string told = s.it.save();
  virtual_scheduler again;
  if (const auto restored = again.restore(told); !restored) fail(restored.error().message.c_str(), told);
  if (const std::string twice = again.it.save(); twice != told) fail("not a fixed point", told + "\n" + twice);
  return told;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::unique_ptr<char[]> exact(new char[size]);
  if (size != 0) std::memcpy(exact.get(), data, size);
  const std::string_view text(exact.get(), size);

  virtual_scheduler s;
  const std::string empty = s.it.save();
  if (const auto restored = s.restore(text); !restored) {
    check_place(restored.error(), text);
    if (s.it.save() != empty) fail("half restored", text);
    return 0;
  }
  saved(s);
  s.it.pump(100);
  s.clock->advance(std::chrono::hours(25));
  s.it.pump(300);
  saved(s);
  for (const rulebus::schedule& one : s.it.list_schedules()) {
    if (!s.it.update_schedule(one)) fail("a schedule that was told is refused", one.name);
  }
  saved(s);
  return 0;
}
