// regexp: RE2 behind a small door, so that only regexp.cpp includes it. Beyond the reference (pattern_options::allow_regexp).
#pragma once

#include <memory>
#include <string_view>

#include "rulebus/export.hpp"
#include "rulebus/result.hpp"

namespace rulebus::inline v1::detail {

/// Thread safety: immutable; matching from many threads is fine.
class regexp {
 public:
  /// Error: errc::invalid_pattern with RE2's reason. Memory of the compiled form is bounded (RE2's max_mem).
  RULEBUS_API static result<std::shared_ptr<const regexp>> compile(std::string_view text);
  virtual ~regexp() = default;
  /// Anchored at both ends. Linear in the value.
  virtual bool matches(std::string_view value) const = 0;
};

}  // namespace rulebus::inline v1::detail
