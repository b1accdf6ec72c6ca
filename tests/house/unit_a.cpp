// One of two translation units that include every header: they link, so no header defines anything twice.
#include "all_headers.hpp"

std::string_view version_in_unit_b();

int main() { return version_in_unit_b() == RULEBUS_VERSION ? 0 : 1; }
