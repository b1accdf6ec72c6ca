// excerpt: one line of a text with a caret under one of its characters, as compilers show a place.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace rulebus::cli {

struct excerpt {
  std::string line{};   ///< printable; "…" where it was cut to about 100 columns
  std::string caret{};  ///< spaces, then ^ under the place
};

/// The line that byte `offset` of `text` is in. Tabs count one column, East Asian wide characters two, combining marks none.
/// Cost: does not depend on the length of the line beyond finding its ends.
excerpt excerpt_at(std::string_view text, std::size_t offset);

}  // namespace rulebus::cli
