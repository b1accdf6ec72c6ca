// ordered_blocks: the blocks of a file through several workers, and what they make of them out again in the file's order.
#pragma once

#include <functional>
#include <string>

#include "input.hpp"

namespace rulebus::cli {

/// work(worker, block, out) runs in worker threads, 0 <= worker < threads, each worker one block at a time; done(block, out)
/// in the caller's thread, in order. With one thread all of it happens in the caller's. Memory: a few blocks a thread. An
/// exception out of any of them ends the work and comes out here.
void run_ordered(block_reader& in, unsigned threads, const std::function<void(unsigned, const block&, std::string&)>& work,
                 const std::function<void(const block&, const std::string&)>& done);

}  // namespace rulebus::cli
