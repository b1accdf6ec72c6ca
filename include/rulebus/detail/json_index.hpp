// json_index: where the tokens of an event are, with nothing parsed yet.
//
// A first stage finds every structural character ({ } [ ] : ,) and the first byte of every string, number and literal, and
// checks UTF-8 and control characters in strings, 64 bytes at a time: simdjson's (Langdale and Lemire, "Parsing Gigabytes of
// JSON per Second", 2019), or, where the processor has AVX-512 or AVX2, our own, which finds out more (json_tokens.hpp).
// json_cursor.hpp walks these indexes, and checks what it passes; those of an event whose shape is known (json_shapes.hpp) are
// all checked here, and shape_cursor.hpp walks them.
//
// Thread safety: one thread each. Lifetime: a structure is valid until the next build or remember, and as long as the text.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "rulebus/event.hpp"
#include "rulebus/export.hpp"
#include "rulebus/result.hpp"

namespace rulebus::inline v1::detail {

struct json_shape;

/// The first index is that of a '{', the last that of a '}'; index[count] exists and must not be followed.
struct json_structure {
  const char* text = nullptr;
  const std::uint32_t* index = nullptr;
  std::uint32_t count = 0;
  std::uint32_t size = 0;             ///< bytes of text; nothing behind them is read
  bool has_escapes = false;           ///< there is a backslash somewhere
  bool has_plain_numbers = false;     ///< what begins like a number is one; false: perhaps not
  const json_shape* shape = nullptr;  ///< if it is known; then the event is valid, and not deeper than those before
};

class json_index {
 public:
  /// portable: with simdjson, whatever the processor has.
  RULEBUS_API explicit json_index(bool portable = false);
  RULEBUS_API ~json_index();
  json_index(const json_index&) = delete;
  json_index& operator=(const json_index&) = delete;

  /// False when the text cannot be a JSON object, or is too large; what_is_wrong says why. Allocates only when the text is
  /// longer than any before.
  RULEBUS_API bool build(std::string_view text, const event_options& options, json_structure& out);

  /// To be called when the structure that was built last, without a shape, was walked to its end and found valid. The first
  /// call allocates. Who calls it walks all events with the same limit of depth.
  RULEBUS_API void remember();

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
