// utc_text: an instant as the envelope writes it.
#pragma once

#include <cstdint>
#include <string>

#include "rulebus/export.hpp"

namespace rulebus::inline v1::detail {

inline constexpr std::int64_t first_second = -62167219200;  // 0000-01-01T00:00:00Z
inline constexpr std::int64_t last_second = 253402300799;   // 9999-12-31T23:59:59Z

/// "2026-11-25T08:00:00Z"; `seconds` since 1970, from first_second to last_second.
RULEBUS_API std::string utc_text(std::int64_t seconds);

}  // namespace rulebus::inline v1::detail
