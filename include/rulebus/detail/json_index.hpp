// json_index: where the tokens of an event are. simdjson's first stage, with nothing parsed yet.
//
// The first stage finds every structural character ({ } [ ] : ,) and the first byte of every string, number and literal,
// and checks UTF-8 and control characters in strings, 64 bytes at a time (Langdale and Lemire, "Parsing Gigabytes of JSON
// per Second", 2019). json_cursor.hpp walks these indexes.
//
// Thread safety: one thread each. Lifetime: a structure is valid until the next build, and as long as the text.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "rulebus/event.hpp"
#include "rulebus/export.hpp"
#include "rulebus/result.hpp"

namespace rulebus::inline v1::detail {

/// The first index is that of a '{', the last that of a '}'; index[count] exists and must not be followed.
struct json_structure {
  const char* text = nullptr;
  const std::uint32_t* index = nullptr;
  std::uint32_t count = 0;
  std::uint32_t size = 0;    ///< bytes of text; nothing behind them is read
  bool has_escapes = false;  ///< there is a backslash somewhere
};

class json_index {
 public:
  RULEBUS_API json_index();
  RULEBUS_API ~json_index();
  json_index(const json_index&) = delete;
  json_index& operator=(const json_index&) = delete;

  /// False when the text cannot be a JSON object, or is too large; what_is_wrong says why. Allocates only when the text is
  /// longer than any before.
  RULEBUS_API bool build(std::string_view text, const event_options& options, json_structure& out);

 private:
  class impl;
  std::unique_ptr<impl> impl_;
};

/// Whether the text has a size that options allow.
inline bool has_allowed_size(std::string_view text, const event_options& options) noexcept {
  return text.size() <= options.max_bytes && text.size() < UINT32_MAX;
}

/// The error of a text that build or a walk did not accept. Slow: reads the text again to find the place.
RULEBUS_API error what_is_wrong(std::string_view text, const event_options& options);

}  // namespace rulebus::inline v1::detail
