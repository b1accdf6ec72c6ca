// The version of the library, in one place: CMake, pkg-config and the command line all read it from here.
#pragma once

#define RULEBUS_VERSION_MAJOR 0
#define RULEBUS_VERSION_MINOR 1
#define RULEBUS_VERSION_PATCH 0
#define RULEBUS_VERSION "0.1.0"
