// parcels: events like the lots of a city's land register. Shape, sizes and value frequencies are like those of the set that
// matchers of this language are commonly measured with (citylots2 of aws/event-ruler and quamina); the city is made up.
#pragma once

#include <cstddef>
#include <string>

#include "random_source.hpp"

namespace rulebus::bench {

/// Parcel i. Rare values depend on i alone, so that a pass of a few thousand has each of them.
std::string make_parcel(tests::random_source& random, std::size_t i);

// Values that parcel_rules.cpp asks for.
inline constexpr const char* rare_x = "-70.6541728390186";  // first x of 2 in 200,000, last x of one in a thousand
inline constexpr const char* rare_y = "42.36492001753821";  // of one multipolygon

}  // namespace rulebus::bench
