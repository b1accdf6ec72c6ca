// matcher: many patterns, one event: which of them match? The heart of the library, usable alone.
//
//   rulebus::matcher m;
//   rule_id jpegs = m.add(R"({"detail": {"key": [{"suffix": ".jpg"}]}})").value();
//   rulebus::matcher::reader reader(m);                      // one per thread
//   for (rule_id id : reader.match(event_json).value()) …    // valid until the reader's next call
//
// Thread safety: add, remove and the counters may be called from any thread (they exclude each other); each thread that
// matches has its own reader. A reader sees one whole version for one whole event: never half a rule.
// Cost: add and remove do not depend on how many rules there are (but for a logarithm). match costs the event's bytes, plus
// one look-up per used field and kind of test, plus the candidates: a sum over the conditions, never a product.
// Memory: removing a rule gives back everything that it added, once no reader holds a version in which it was present.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "rulebus/event.hpp"
#include "rulebus/export.hpp"
#include "rulebus/pattern.hpp"
#include "rulebus/result.hpp"

namespace rulebus::inline v1 {

/// Names one added pattern. Never used twice by the same matcher.
enum class rule_id : unsigned long long;

struct matcher_options {
  pattern_options patterns{};  ///< for the text forms of add
  event_options events{};      ///< for readers that are made without options of their own
};

class matcher {
 public:
  class reader;

  RULEBUS_API explicit matcher(const matcher_options& options = {});
  RULEBUS_API ~matcher();  ///< every reader must be gone
  matcher(const matcher&) = delete;
  matcher& operator=(const matcher&) = delete;

  /// Adds one pattern; readers see it from their next event on. Errors: those of pattern::parse. A failed add, also one
  /// that runs out of memory, changes nothing.
  RULEBUS_API result<rule_id> add(std::string_view pattern_json);
  RULEBUS_API rule_id add(const pattern& p);

  /// Removes exactly that pattern. Error: errc::not_found.
  RULEBUS_API result<void> remove(rule_id id);

  RULEBUS_API std::size_t size() const;          ///< patterns present
  RULEBUS_API std::size_t memory_bytes() const;  ///< held by the compiled form, with versions that readers still hold

 private:
  friend class reader;
  class impl;
  std::unique_ptr<impl> impl_;
};

/// One thread's view of a matcher: holds a version of the rules and all scratch memory, so that after warm-up a match
/// allocates nothing. Not thread-safe; cheap to keep, not free to make (some 20 kilobytes; where the processor has AVX2, up
/// to 400 more as it learns what its events look like). The matcher must outlive it.
/// While it exists it holds the version it saw last, so an idle reader keeps memory of removed rules: release() it.
class matcher::reader {
 public:
  RULEBUS_API explicit reader(const matcher& m);
  RULEBUS_API reader(const matcher& m, const event_options& options);
  RULEBUS_API ~reader();
  RULEBUS_API reader(reader&&) noexcept;
  reader& operator=(reader&&) = delete;

  /// The ids of all patterns that match, each once, in no particular order; valid until the next call on this reader.
  /// Errors: errc::invalid_json (not valid JSON; with trusted events, broken JSON may go unnoticed), errc::invalid_event
  /// (not an object), errc::limit_exceeded (event_options). One acquire load beyond the work; no lock unless rules changed.
  RULEBUS_API result<std::span<const rule_id>> match(std::string_view event_json);

  /// Lets go of the version held; the next match takes the newest.
  RULEBUS_API void release() noexcept;

 private:
  class impl;
  std::unique_ptr<impl> impl_;
};

/// Does this one pattern match this one event? EventBridge's TestEventPattern, without its checks of the envelope.
/// Errors: those of pattern::parse and reader::match. For more than a few events, use a matcher.
RULEBUS_API result<bool> test_event_pattern(const pattern& p, std::string_view event_json, const event_options& options = {});
RULEBUS_API result<bool> test_event_pattern(std::string_view pattern_json, std::string_view event_json);

}  // namespace rulebus::inline v1
