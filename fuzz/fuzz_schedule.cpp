// Arbitrary bytes as a schedule expression, and as a time zone's file. The library and the twin agree on whether it is an
// expression; an error's place is in the text; the canonical form is a fixed point and means the same; instants keep the laws.
// The first byte says where and when: a zone, an instant.
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>

#include "rulebus/detail/time_zone_file.hpp"
#include "rulebus/schedule_expression.hpp"
#include "support/naive_schedule.hpp"

namespace {

using rulebus::schedule_expression;
using rulebus::time_point;

constexpr std::array<const char*, 6> zones = {"UTC",          "America/New_York",    "Europe/Kyiv",
                                              "Pacific/Apia", "Australia/Lord_Howe", "Africa/Monrovia"};
constexpr std::array<std::int64_t, 5> instants = {-86400, 63593000, 1325200000, 1805000000, 7258000000};

[[noreturn]] void fail(const char* what, std::string_view detail) {
  std::fprintf(stderr, "%s: %.*s\n", what, static_cast<int>(detail.size()), detail.data());
  std::abort();
}

bool twin_accepts(const std::string& text, bool scheduler) {
  try {
    naive::check_schedule(text, scheduler);
    return true;
  } catch (const naive::rejected&) {
    return false;
  }
}

void check_error(const rulebus::error& e, std::string_view text) {
  if (e.code != rulebus::errc::invalid_schedule || e.message.empty() || e.offset > text.size() || e.line == 0) {
    fail("bad error", e.message);
  }
}

void check_instants(const schedule_expression& e, time_point t) {
  const std::string text = e.dump();
  for (int i = 0; i < 5; ++i) {
    const auto next = e.next_after(t), previous = e.previous_before(t);
    if (next && (*next <= t || e.previous_before(*next + std::chrono::milliseconds(1)) != next)) fail("next_after", text);
    if (previous && (*previous >= t || e.next_after(*previous - std::chrono::milliseconds(1)) != previous))
      fail("previous", text);
    if (next && e.previous_before(*next) > t) fail("skipped", text);
    if (!next) return;
    t = *next;
  }
}

void check_dump(const schedule_expression& e, rulebus::dialect dialect, const char* zone) {
  const std::string dump = e.dump();
  const auto again = schedule_expression::parse(dump, dialect, zone);
  if (!again) fail(again.error().message.c_str(), dump);
  if (!(*again == e) || again->dump() != dump) fail("the canonical form is not a fixed point", dump);
  if (e.describe().empty() || again->describe() != e.describe()) fail("the canonical form is described differently", dump);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::size_t choice = data[0];
  const std::unique_ptr<char[]> exact(new char[size]);
  std::memcpy(exact.get(), data, size);
  const std::string_view text(exact.get() + 1, size - 1);
  if (const auto changes = rulebus::detail::read_zone_file(text)) {
    for (std::size_t i = 1; i < changes->size(); ++i)
      if ((*changes)[i - 1].instant >= (*changes)[i].instant) fail("changes do not ascend", "");
  }
  if (text.size() > 300) return 0;  // the twin's regular expressions recurse
  for (const auto dialect : {rulebus::dialect::rule, rulebus::dialect::scheduler}) {
    const bool scheduler = dialect == rulebus::dialect::scheduler;
    const char* zone = scheduler ? zones[choice % zones.size()] : "UTC";
    const auto e = schedule_expression::parse(text, dialect, zone);
    if (e.has_value() != twin_accepts(std::string(text), scheduler)) fail("the twin disagrees", text);
    if (!e) {
      check_error(e.error(), text);
      continue;
    }
    check_dump(*e, dialect, zone);
    check_instants(*e, time_point(std::chrono::seconds(instants[choice / zones.size() % instants.size()])));
  }
  return 0;
}
