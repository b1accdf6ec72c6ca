// names: the service's constraints on names and other short texts, and its answers when they are broken.
#pragma once

#include <cstddef>
#include <string_view>

#include "rulebus/result.hpp"

namespace rulebus::inline v1::detail {

/// 1 to 64 of [.-_A-Za-z0-9]: rules and target ids. `member` is where the service says it is: "targets.1.member.id".
result<void> check_name(std::string_view name, std::string_view member);
/// 1 to 256 of [/.-_A-Za-z0-9]: event buses.
result<void> check_bus_name(std::string_view name, std::string_view member);
/// At most `max` bytes.
result<void> check_length(std::string_view text, std::size_t max, std::string_view member);
/// "Parameter X is not valid. Reason: X is a required argument."
error missing_argument(std::string_view name);

}  // namespace rulebus::inline v1::detail
