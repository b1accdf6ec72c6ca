// allocations: how often this thread called operator new. The executable replaces the global one to count; in a sanitizer's
// build the sanitizer counts, and malloc counts with it.
#pragma once

#include <cstdint>

namespace rulebus::cli {

/// Calls of operator new by the calling thread so far, of every form.
std::uint64_t allocations_of_this_thread() noexcept;

}  // namespace rulebus::cli
