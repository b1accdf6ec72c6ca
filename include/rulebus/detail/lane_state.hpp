// lane_state: what only some lanes have, and is made when it is needed first (lane.hpp). Guarded by the lane's mutex.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "rulebus/detail/invocation.hpp"

namespace rulebus::inline v1::detail {

enum class breaker : std::uint8_t { closed, open, half_open };

/// State of limits that most targets do not have.
struct lane_limits {
  double tokens = 0;
  nanoseconds refilled{0};
  unsigned failures = 0;  // retryable, in a row
  breaker state = breaker::closed;
  nanoseconds open_until{0};
  const invocation* probe = nullptr;  // the one that is out while half open, on which all depends
};

/// What a full queue needs that does not simply reject.
struct lane_overflow {
  std::condition_variable room{};  // block
  unsigned waiting = 0;            // for it
  invocation* oldest = nullptr;    // drop_oldest: of all that are in the lane
};

/// What waits behind the one of its ordering key that is on its way; through invocation::beside.
struct held_key {
  invocation* first = nullptr;
  invocation* last = nullptr;
};
struct ordering_key_hash {
  using is_transparent = void;
  std::size_t operator()(std::string_view key) const noexcept { return std::hash<std::string_view>()(key); }
};
using held_by_key = std::unordered_map<std::string, held_key, ordering_key_hash, std::equal_to<>>;

}  // namespace rulebus::inline v1::detail
