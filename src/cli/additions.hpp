// additions: the words for what goes beyond the reference language (pattern_options), in --allow and in lines of tests.
#pragma once

#include <string>
#include <string_view>

#include "rulebus/pattern.hpp"

namespace rulebus::cli {

/// Switches on the addition of that name, with dashes or underscores: "cidr-single-address". False for a word of no addition.
bool allow(pattern_options& options, std::string_view word);

/// All words, separated by commas, for people.
std::string all_additions();

}  // namespace rulebus::cli
