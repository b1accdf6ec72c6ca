// RULEBUS_API marks what a shared build of the library exports; everything else is hidden.
#pragma once

#if defined(RULEBUS_SHARED) && defined(_WIN32)
#if defined(RULEBUS_BUILDING)
#define RULEBUS_API __declspec(dllexport)
#else
#define RULEBUS_API __declspec(dllimport)
#endif
#elif defined(__GNUC__)
#define RULEBUS_API __attribute__((visibility("default")))
#else
#define RULEBUS_API
#endif
