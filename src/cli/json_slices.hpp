// json_slices: cuts JSON text into the raw text of its members and elements, so that the spelling of numbers, repeated keys
// and unpaired surrogates reach the one who judges them: a pattern or an event inside a line is handed on as it was written.
//
// Only what cutting needs is checked: brackets pair up, strings end, commas and colons stand where they should.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rulebus/result.hpp"

namespace rulebus::cli {

/// A member of an object, as written: the key with its quotes, the value without the space around it.
struct raw_member {
  std::string_view key, value;
};

/// Replaces `out` by the members of the one object that `text` is. False when it is not one complete object.
bool slice_object(std::string_view text, std::vector<raw_member>& out);

/// Replaces `out` by the elements of the one array that `text` is. False when it is not one complete array.
bool slice_array(std::string_view text, std::vector<std::string_view>& out);

/// The text of a JSON string with its quotes; nothing when it is not one. An unpaired surrogate escape becomes the three
/// bytes that UTF-8 forbids, so that whoever reads the text refuses it.
std::optional<std::string> decode_string(std::string_view raw);

/// `text` without JSON's white space at both ends.
std::string_view trimmed(std::string_view text) noexcept;

/// What is wrong with a text that is not `expected`, and where: the first place that is not JSON, or else its beginning.
error json_complaint(std::string_view text, std::string_view expected);

}  // namespace rulebus::cli
