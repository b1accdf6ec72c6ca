// The other one; see unit_a.cpp.
#include "all_headers.hpp"

std::string_view version_in_unit_b();

std::string_view version_in_unit_b() { return RULEBUS_VERSION; }
